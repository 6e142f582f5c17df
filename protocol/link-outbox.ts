/** What leaves over one socket: records go out together, those of one turn of the event loop at least. */
import { LINK_MESSAGE_BYTES_MAX } from "./link-records.ts";

/** When a record leaves: now, with the others of its turn, or a little later with more of them. */
export type Departure = "now" | "turn" | "patient";

/** Sends one WebSocket message; `onWritten` is called when the system has taken it. */
export type SendMessage = (message: Buffer, onWritten: () => void) => void;

export class LinkOutbox {
  readonly #send: SendMessage;
  #records: Buffer[] = [];
  #onWritten: (() => void)[] = [];
  #bytes = 0;
  #isScheduled = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: SendMessage) {
    this.#send = send;
  }

  /** Queues a record for the end of this turn; `onWritten` when the system has taken it. */
  push(record: Buffer, onWritten?: () => void): void {
    this.#add(record);
    if (onWritten !== undefined) this.#onWritten.push(onWritten);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /** Sends a record, and what was queued before it, now. */
  pushNow(record: Buffer): void {
    this.#add(record);
    this.flush();
  }

  /** Queues a record that may wait so long for others to leave with it. */
  pushPatient(record: Buffer, delayMs: number): void {
    this.#add(record);
    if (this.#isScheduled || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.flush(), delayMs);
  }

  /** Sends what is queued now. */
  flush(): void {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    const records = this.#records;
    if (records.length === 0) return;
    const written = this.#onWritten;
    this.#records = [];
    this.#onWritten = [];
    const message =
      records.length === 1 ? (records[0] as Buffer) : Buffer.concat(records, this.#bytes);
    this.#bytes = 0;
    this.#send(message, () => {
      for (const tell of written) tell();
    });
  }

  #add(record: Buffer): void {
    // The other side refuses larger messages, so a busy turn makes several.
    if (this.#bytes + record.length > LINK_MESSAGE_BYTES_MAX) this.flush();
    this.#records.push(record);
    this.#bytes += record.length;
  }
}
