/**
 * One supplier link after its handshake: control records, heartbeat, and the streams of the
 * deliveries it serves. Every frame is hostile input; what breaks the protocol closes the link.
 */
import type { WebSocket } from "ws";
import { decodeFromAgent, type FromAgent, type FromExchange } from "#protocol/link-messages.ts";
import {
  decodeRecords,
  encodeRecord,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";
import type { Attempt, AttemptHandlers, AttemptRequest } from "./dispatcher.ts";
import { LinkStream } from "./stream.ts";

export const HEARTBEAT_MS = 10_000;
/** Silence after which a link counts as dead: two missed heartbeats and some. */
const SILENCE_MS_MAX = 25_000;
/** Bytes that may wait in a socket before the link counts as stuck. */
const SEND_QUEUE_BYTES_MAX = 4 * 1024 * 1024;

/** Close codes of the link, in the range that applications may use. */
export const CLOSE = { protocol: 4400, refused: 4403, replaced: 4409, silent: 4408 } as const;

export interface SessionOptions {
  id: string;
  node: number;
  account: number;
}

export interface SessionHandlers {
  onMessage(message: FromAgent, session: Session): void;
  onClose(session: Session, reason: string): void;
}

export class Session {
  readonly id: string;
  readonly node: number;
  readonly account: number;
  readonly #socket: WebSocket;
  readonly #handlers: SessionHandlers;
  readonly #streams = new Map<number, LinkStream>();
  readonly #heartbeat: NodeJS.Timeout;
  #outgoing: Buffer[] = [];
  #lastStream = 0;
  #controlSent: number;
  #controlReceived: number;
  #heardAtMs = performance.now();
  #slots = 0;
  #symbols = new Set<string>();
  #draining = false;

  /** `sequences` are the control records already exchanged in the handshake. */
  constructor(
    socket: WebSocket,
    options: SessionOptions,
    sequences: { sent: number; received: number },
    handlers: SessionHandlers,
  ) {
    this.#socket = socket;
    this.id = options.id;
    this.node = options.node;
    this.account = options.account;
    this.#controlSent = sequences.sent;
    this.#controlReceived = sequences.received;
    this.#handlers = handlers;
    socket.on("message", (data: Buffer) => this.#receive(data));
    socket.on("error", () => socket.terminate());
    socket.on("close", (code, reason) => this.#closed(`${code} ${reason.toString()}`.trim()));
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  get freeSlots(): number {
    return this.#draining ? 0 : this.#slots - this.#streams.size;
  }

  get activeStreams(): number {
    return this.#streams.size;
  }

  serves(symbol: string): boolean {
    return !this.#draining && this.#symbols.has(symbol);
  }

  supply(slots: number, symbols: Iterable<string>): void {
    this.#slots = slots;
    this.#symbols = new Set(symbols);
  }

  /** No new deliveries; those that run go on. */
  drain(): void {
    this.#draining = true;
  }

  open(request: AttemptRequest, handlers: AttemptHandlers): Attempt {
    this.#lastStream += 1;
    const stream = this.#lastStream;
    let sequence = 0;
    const opened = new LinkStream(
      request,
      handlers,
      (type, payload, options) => {
        this.#queue(encodeRecord(type, stream, sequence, payload, options));
        sequence += 1;
      },
      () => this.#streams.delete(stream),
    );
    this.#streams.set(stream, opened);
    return { cancel: () => opened.cancel(), grant: (bytes) => opened.grant(bytes) };
  }

  send(message: FromExchange): void {
    const payload = Buffer.from(JSON.stringify(message));
    this.#queue(encodeRecord(RecordType.control, 0, this.#controlSent, payload));
    this.#controlSent += 1;
  }

  close(code: number, reason: string): void {
    this.#flush();
    this.#socket.close(code, reason.slice(0, 120));
  }

  /** Records of one turn of the event loop leave as one message. */
  #queue(record: Buffer): void {
    if (this.#outgoing.push(record) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return;
    const message = this.#outgoing.length === 1 ? this.#outgoing[0] : Buffer.concat(this.#outgoing);
    this.#outgoing = [];
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(message as Buffer);
    if (this.#socket.bufferedAmount > SEND_QUEUE_BYTES_MAX) this.#socket.terminate();
  }

  #receive(data: Buffer): void {
    this.#heardAtMs = performance.now();
    try {
      for (const record of decodeRecords(data)) this.#take(record);
    } catch (error) {
      this.close(CLOSE.protocol, (error as Error).message);
    }
  }

  #take(record: LinkRecord): void {
    if (record.stream !== 0) {
      // A stream that just ended here may have records under way: they count for nothing.
      if (record.stream > this.#lastStream)
        throw new Error(`stream ${record.stream} was not opened`);
      this.#streams.get(record.stream)?.receive(record);
      return;
    }
    if (record.sequence !== this.#controlReceived) {
      throw new Error(`control sequence ${record.sequence}, expected ${this.#controlReceived}`);
    }
    this.#controlReceived += 1;
    const decoded = decodeFromAgent(record.payload);
    if (!decoded.ok) throw new Error(decoded.reason);
    const { message } = decoded;
    if (message.type === "ping") this.send({ type: "pong", sentAtMs: message.sentAtMs });
    else if (message.type !== "pong") this.#handlers.onMessage(message, this);
  }

  #beat(): void {
    if (performance.now() - this.#heardAtMs > SILENCE_MS_MAX) {
      this.#socket.terminate();
      return;
    }
    this.send({ type: "ping", sentAtMs: performance.now(), active: this.#streams.size });
  }

  #closed(reason: string): void {
    clearInterval(this.#heartbeat);
    this.#draining = true;
    const lost = [...this.#streams.values()];
    this.#streams.clear();
    this.#handlers.onClose(this, reason);
    for (const stream of lost) {
      stream.fail({ code: "link-lost", message: "the supplier's link was lost", status: null });
    }
  }
}
