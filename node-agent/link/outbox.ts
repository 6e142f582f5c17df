/**
 * What leaves over the link: records of one turn of the event loop go out as one message, and who has
 * more to say waits while the socket is full.
 */
import type { WebSocket } from "ws";
import { LINK_MESSAGE_BYTES_MAX } from "#protocol/link-records.ts";

/** Bytes in the socket above which output waits; it goes on at half of that. */
const SOCKET_BYTES_MAX = 4 * 1024 * 1024;

export class Outbox {
  readonly #socket: WebSocket;
  #records: Buffer[] = [];
  #bytes = 0;
  #scheduled = false;
  #waiters: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Queues a record for the end of this turn. */
  push(record: Buffer): void {
    // The other side refuses larger messages, so a busy turn makes several.
    if (this.#bytes + record.length > LINK_MESSAGE_BYTES_MAX) this.flush();
    this.#records.push(record);
    this.#bytes += record.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Sends what is queued now. On a socket that is not open it is dropped: nobody would get it. */
  flush(): void {
    const records = this.#records;
    if (records.length === 0) return;
    this.#records = [];
    this.#bytes = 0;
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const message = records.length === 1 ? (records[0] as Buffer) : Buffer.concat(records);
    this.#socket.send(message, () => this.#release());
  }

  /** Resolves when the socket has room; null when it has some already. */
  room(): Promise<void> | null {
    if (this.#socket.bufferedAmount <= SOCKET_BYTES_MAX) return null;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #release(): void {
    const isOpen = this.#socket.readyState === this.#socket.OPEN;
    if (this.#waiters.length === 0) return;
    if (isOpen && this.#socket.bufferedAmount > SOCKET_BYTES_MAX / 2) return;
    this.end();
  }

  /** Lets everybody go who waits for room. */
  end(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}
