/**
 * One client's socket, outgoing: what is written at once, what has to wait for a slow reader, and when
 * it is given up. The bytes of a frame are made once for all its readers and go to the socket as they
 * are; `ws` keeps the handshake, what comes in, and the close.
 */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Corks } from "./corks.ts";
import { CLOSE, type CloseReason, type StreamLimits } from "./limits.ts";

/** What a connection gets: it can be brought up to now, and ended. */
export interface Subscription {
  /** Sends what the reader lacks; asked when there is room for it again. */
  catchUp(): void;
  end(): void;
}

export class Connection {
  readonly address: string;
  /** By stream, as named in the acknowledgement. */
  readonly subscriptions = new Map<string, Subscription>();
  /** Who signed in, and with which key. */
  account: number | null = null;
  fingerprint: string | null = null;
  readonly #socket: WebSocket;
  readonly #wire: Duplex;
  readonly #limits: StreamLimits;
  readonly #corks: Corks;
  readonly #behind = new Set<Subscription>();
  #isOver = false;

  constructor(
    socket: WebSocket,
    wire: Duplex,
    { address, limits, corks }: { address: string; limits: StreamLimits; corks: Corks },
  ) {
    this.address = address;
    this.#corks = corks;
    this.#socket = socket;
    this.#wire = wire;
    this.#limits = limits;
    wire.on("drain", this.#onDrain);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** More would only wait here: the reader is slower than what there is to tell. */
  get isFull(): boolean {
    return this.#isShut || this.#wire.writableNeedDrain;
  }

  /** Nothing may follow a close frame, ours or theirs. */
  get #isShut(): boolean {
    return this.#isOver || this.#socket.readyState !== this.#socket.OPEN;
  }

  /** Writes a frame that nothing replaces; a reader too slow for it is given up. */
  send(frame: Buffer): void {
    if (this.#isShut) return;
    if (this.#wire.writableLength + frame.length > this.#limits.queuedBytesMax) {
      const { queuedBytesMax } = this.#limits;
      this.close("slow_reader", `more than ${queuedBytesMax} bytes wait to be read`);
    } else this.#write(frame);
  }

  /** Writes a frame that a later one would replace; ask `isFull` before. */
  sendState(frame: Buffer): void {
    if (!this.#isShut) this.#write(frame);
  }

  #write(frame: Buffer): void {
    this.#corks.add(this.#wire);
    this.#wire.write(frame);
  }

  /** The subscription is behind; it is asked to catch up when there is room. */
  lag(subscription: Subscription): void {
    if (!this.#isOver) this.#behind.add(subscription);
  }

  /** Whether it waits for room. */
  isBehind(subscription: Subscription): boolean {
    return this.#behind.has(subscription);
  }

  drop(key: string): void {
    const subscription = this.subscriptions.get(key);
    if (subscription === undefined) return;
    this.subscriptions.delete(key);
    this.#behind.delete(subscription);
    subscription.end();
  }

  /** Ends it, and says why: `name: detail` as the close's reason. What still waits is read or lost. */
  close(name: CloseReason, detail?: string): void {
    if (this.#isOver) return;
    this.#finish();
    // A close frame's reason has at most 123 bytes (RFC 6455 section 5.5).
    this.#socket.close(
      CLOSE[name],
      (detail === undefined ? name : `${name}: ${detail}`).slice(0, 120),
    );
    setTimeout(() => this.#socket.terminate(), this.#limits.closeMsMax).unref();
  }

  /** The socket is gone. */
  gone(): void {
    this.#finish();
  }

  #finish(): void {
    this.#isOver = true;
    this.#wire.off("drain", this.#onDrain);
    this.#behind.clear();
    for (const subscription of this.subscriptions.values()) subscription.end();
    this.subscriptions.clear();
  }

  readonly #onDrain = (): void => {
    for (const subscription of this.#behind) {
      if (this.isFull) return;
      this.#behind.delete(subscription);
      subscription.catchUp();
    }
  };
}
