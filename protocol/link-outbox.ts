/** What leaves over one socket: the records of one turn of the event loop go out as one message. */
import { LINK_MESSAGE_BYTES_MAX } from "./link-records.ts";

/** Sends one WebSocket message; `onWritten` is called when the system has taken it. */
export type SendMessage = (message: Buffer, onWritten: () => void) => void;

export class LinkOutbox {
  readonly #send: SendMessage;
  #records: Buffer[] = [];
  #onWritten: (() => void)[] = [];
  #bytes = 0;
  #isScheduled = false;

  constructor(send: SendMessage) {
    this.#send = send;
  }

  /** Queues a record for the end of this turn; `onWritten` when the system has taken it. */
  push(record: Buffer, onWritten?: () => void): void {
    // The other side refuses larger messages, so a busy turn makes several.
    if (this.#bytes + record.length > LINK_MESSAGE_BYTES_MAX) this.flush();
    this.#records.push(record);
    this.#bytes += record.length;
    if (onWritten !== undefined) this.#onWritten.push(onWritten);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /** Sends what is queued now. */
  flush(): void {
    const records = this.#records;
    if (records.length === 0) return;
    const written = this.#onWritten;
    this.#records = [];
    this.#onWritten = [];
    this.#bytes = 0;
    const message = records.length === 1 ? (records[0] as Buffer) : Buffer.concat(records);
    this.#send(message, () => {
      for (const tell of written) tell();
    });
  }
}
