/**
 * A link after its handshake, on the agent's side: control messages and calls, heartbeat, and the
 * records of the deliveries.
 */
import type { WebSocket } from "ws";
import {
  decodeFromExchange,
  type Fill,
  type FromAgent,
  type FromExchange,
  type Welcome,
} from "#protocol/link-messages.ts";
import {
  decodeRecords,
  encodeJsonRecord,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";
import { type CallMethod, type CallParams, OutstandingCalls } from "./calls.ts";
import type { OpenLink } from "./handshake.ts";
import { Outbox } from "./outbox.ts";
import { closeReason, LINK_CLOSE } from "./refusal.ts";

/** Heartbeats that may stay unanswered. */
const MISSED_HEARTBEATS_MAX = 2;
/** How long the exchange may take to answer a close before the socket is cut. */
const CLOSE_TIMEOUT_MS = 5_000;
/** RFC 6455 section 7.4.1: the purpose was fulfilled. */
const CLOSE_NORMAL = 1000;

export interface SessionHandlers {
  /** A record of a delivery's stream. What it throws closes the link. */
  onRecord(record: LinkRecord, session: AgentSession): void;
  onFill(fill: Fill): void;
  onDrain(reason: string): void;
  onClose(end: LinkEnd): void;
  /** For the heartbeat. */
  activeDeliveries(): number;
}

/** How a link ended: the WebSocket's close code, 1006 when there was no close. */
export interface LinkEnd {
  code: number;
  reason: string;
}

export class AgentSession {
  readonly welcome: Welcome;
  /** Resolves when the link is gone. */
  readonly closed: Promise<LinkEnd>;
  readonly #socket: WebSocket;
  readonly #handlers: SessionHandlers;
  readonly #outbox: Outbox;
  readonly #calls = new OutstandingCalls((call) => this.send(call));
  #early: LinkRecord[];
  #sent: number;
  #received: number;
  #missed = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  #closing: NodeJS.Timeout | undefined;
  /** Why we cut the socket, where we did. */
  #cutReason: string | null = null;

  constructor(link: OpenLink, handlers: SessionHandlers) {
    this.welcome = link.welcome;
    this.#socket = link.socket;
    this.#outbox = new Outbox(link.socket);
    this.#early = link.early;
    this.#sent = link.sequences.sent;
    this.#received = link.sequences.received;
    this.#handlers = handlers;
    this.closed = new Promise((resolve) => {
      link.socket.on("close", (code, reason) => {
        const end = { code, reason: this.#cutReason ?? reason.toString() };
        this.#end(end);
        resolve(end);
      });
    });
  }

  /** Starts to listen, first to what came behind the welcome, and to send heartbeats. */
  begin(): void {
    this.#socket.removeAllListeners("message");
    this.#socket.on("message", (data: Buffer) => this.#receive(() => decodeRecords(data)));
    this.#heartbeat = setInterval(() => this.#beat(), this.welcome.heartbeatMs);
    const early = this.#early;
    this.#early = [];
    this.#receive(() => early);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  send(message: FromAgent): void {
    this.#outbox.push(encodeJsonRecord(RecordType.control, 0, this.#sent, message));
    this.#sent += 1;
  }

  /** Sends an encoded record of a delivery's stream; `isUrgent` does not wait for the turn's end. */
  sendRecord(record: Buffer, isUrgent = false): void {
    this.#outbox.push(record);
    if (isUrgent) this.#outbox.flush();
  }

  /** Resolves when the socket has room for more output; null when it has some already. */
  room(): Promise<void> | null {
    return this.#outbox.room();
  }

  /** Calls a method of the exchange. Rejects with `CallRefused`, also when no answer comes in time. */
  call<M extends CallMethod>(method: M, params: CallParams<M>): Promise<unknown> {
    return this.#calls.call(method, params);
  }

  /** Closes the link in order; resolves when it is closed. */
  close(reason: string): Promise<LinkEnd> {
    this.#shut(CLOSE_NORMAL, reason);
    return this.closed;
  }

  #shut(code: number, reason: string): void {
    if (this.#socket.readyState >= this.#socket.CLOSING) return;
    this.#outbox.flush();
    this.#socket.close(code, closeReason(reason));
    this.#closing = setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS);
  }

  #receive(decode: () => LinkRecord[]): void {
    this.#missed = 0;
    try {
      for (const record of decode()) {
        if (!this.isOpen) return;
        if (record.stream === 0) this.#control(record);
        else this.#handlers.onRecord(record, this);
      }
    } catch (error) {
      this.#shut(LINK_CLOSE.protocol, (error as Error).message);
    }
  }

  #control(record: LinkRecord): void {
    if (record.type !== RecordType.control) {
      throw new Error(`record type ${record.type} on stream 0`);
    }
    if (record.sequence !== this.#received) {
      throw new Error(`control sequence ${record.sequence}, expected ${this.#received}`);
    }
    this.#received += 1;
    const decoded = decodeFromExchange(record.payload);
    if (!decoded.ok) throw new Error(decoded.reason);
    this.#take(decoded.message);
  }

  #take(message: FromExchange): void {
    switch (message.type) {
      case "ping":
        this.send({ type: "pong", sentAtMs: message.sentAtMs });
        return;
      case "pong":
        return;
      case "fill":
        this.#handlers.onFill(message);
        return;
      case "drain":
        this.#handlers.onDrain(message.reason);
        return;
      case "reply":
        this.#calls.reply(message);
        return;
      default:
        throw new Error(`${message.type} after the handshake`);
    }
  }

  #beat(): void {
    if (this.#missed >= MISSED_HEARTBEATS_MAX) {
      this.#cutReason = `nothing heard for ${MISSED_HEARTBEATS_MAX} heartbeats`;
      this.#socket.terminate();
      return;
    }
    this.#missed += 1;
    const active = this.#handlers.activeDeliveries();
    this.send({ type: "ping", sentAtMs: performance.now(), active });
  }

  #end(end: LinkEnd): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#closing);
    this.#outbox.end();
    this.#calls.end();
    this.#handlers.onClose(end);
  }
}
