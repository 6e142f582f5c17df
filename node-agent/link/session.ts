/**
 * A link after its handshake, on the agent's side: control messages and calls, heartbeat, and the
 * records of the deliveries, batched per turn of the event loop.
 */
import type { WebSocket } from "ws";
import {
  type Call,
  decodeFromExchange,
  type Fill,
  type FromAgent,
  type FromExchange,
  type Welcome,
} from "#protocol/link-messages.ts";
import {
  decodeRecords,
  encodeRecord,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";
import type { OpenLink } from "./handshake.ts";

const CALL_TIMEOUT_MS = 10_000;
const CALLS_OUTSTANDING_MAX = 32;
/** Heartbeats that may stay unanswered. */
const MISSED_HEARTBEATS_MAX = 2;

type CallOf<M extends Call["method"]> = Extract<Call, { method: M }>;

/** A call that the exchange refused, in its words. */
export class CallRefused extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: string, message: string, details: Record<string, string | number> = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export interface SessionHandlers {
  onRecord(record: LinkRecord, session: AgentSession): void;
  onFill(fill: Fill): void;
  onDrain(reason: string): void;
  onClose(reason: string): void;
}

export class AgentSession {
  readonly welcome: Welcome;
  readonly #socket: WebSocket;
  readonly #handlers: SessionHandlers;
  readonly #calls = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void; timer: NodeJS.Timeout }
  >();
  readonly #heartbeat: NodeJS.Timeout;
  #sent: number;
  #received: number;
  #lastCall = 0;
  #missed = 0;
  #outgoing: Buffer[] = [];
  #closed = false;

  constructor(link: OpenLink, handlers: SessionHandlers) {
    this.welcome = link.welcome;
    this.#socket = link.socket;
    this.#sent = link.sequences.sent;
    this.#received = link.sequences.received;
    this.#handlers = handlers;
    link.socket.on("message", (data: Buffer) => this.#receive(data));
    link.socket.on("error", () => link.socket.terminate());
    link.socket.on("close", (code, reason) => this.#end(`${code} ${reason.toString()}`.trim()));
    this.#heartbeat = setInterval(() => this.#beat(), link.welcome.heartbeatMs);
  }

  get isOpen(): boolean {
    return !this.#closed && this.#socket.readyState === this.#socket.OPEN;
  }

  /** Bytes that wait in the socket. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: FromAgent): void {
    const payload = Buffer.from(JSON.stringify(message));
    this.#queue(encodeRecord(RecordType.control, 0, this.#sent, payload));
    this.#sent += 1;
  }

  /** Sends an encoded record of a delivery's stream; `urgent` does not wait for the turn's end. */
  sendRecord(record: Buffer, urgent = false): void {
    this.#queue(record);
    if (urgent) this.#flush();
  }

  /** Calls a method of the exchange. Rejects with `CallRefused`, or when no answer comes in time. */
  call<M extends Call["method"]>(method: M, params: CallOf<M>["params"]): Promise<unknown> {
    if (this.#closed) return Promise.reject(new CallRefused("not-linked", "the link is closed"));
    if (this.#calls.size >= CALLS_OUTSTANDING_MAX) {
      const text = `${CALLS_OUTSTANDING_MAX} calls wait for their answers`;
      return Promise.reject(new CallRefused("too-many-calls", text));
    }
    this.#lastCall += 1;
    const id = this.#lastCall;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(id);
        reject(new CallRefused("timeout", `${method} was not answered in ${CALL_TIMEOUT_MS} ms`));
      }, CALL_TIMEOUT_MS);
      this.#calls.set(id, { resolve, reject, timer });
      this.send({ type: "call", id, method, params } as CallOf<M>);
    });
  }

  close(reason: string): void {
    this.#flush();
    this.#socket.close(1000, reason.slice(0, 120));
  }

  #queue(record: Buffer): void {
    if (this.#outgoing.push(record) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return;
    const message = this.#outgoing.length === 1 ? this.#outgoing[0] : Buffer.concat(this.#outgoing);
    this.#outgoing = [];
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(message as Buffer);
  }

  #receive(data: Buffer): void {
    this.#missed = 0;
    try {
      for (const record of decodeRecords(data)) {
        if (record.stream === 0) this.#control(record);
        else this.#handlers.onRecord(record, this);
      }
    } catch (error) {
      this.#socket.close(4400, (error as Error).message.slice(0, 120));
    }
  }

  #control(record: LinkRecord): void {
    if (record.sequence !== this.#received) {
      throw new Error(`control sequence ${record.sequence}, expected ${this.#received}`);
    }
    this.#received += 1;
    const decoded = decodeFromExchange(record.payload);
    if (!decoded.ok) throw new Error(decoded.reason);
    this.#take(decoded.message);
  }

  #take(message: FromExchange): void {
    if (message.type === "ping") this.send({ type: "pong", sentAtMs: message.sentAtMs });
    else if (message.type === "fill") this.#handlers.onFill(message);
    else if (message.type === "drain") this.#handlers.onDrain(message.reason);
    else if (message.type === "reply") {
      const call = this.#calls.get(message.id);
      if (call === undefined) return;
      this.#calls.delete(message.id);
      clearTimeout(call.timer);
      if (message.ok) call.resolve(message.result);
      else {
        const { code = "unknown", message: text = "", details } = message.error ?? {};
        call.reject(new CallRefused(code, text, details));
      }
    }
  }

  #beat(): void {
    this.#missed += 1;
    if (this.#missed > MISSED_HEARTBEATS_MAX) this.#socket.terminate();
    else this.send({ type: "ping", sentAtMs: performance.now(), active: 0 });
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    for (const call of this.#calls.values()) {
      clearTimeout(call.timer);
      call.reject(new CallRefused("link-lost", "the link was lost before the answer"));
    }
    this.#calls.clear();
    this.#handlers.onClose(reason);
  }
}
