/** One socket of the agent's session after its handshake: batches what leaves, beats, takes messages apart. */
import type { WebSocket } from "ws";
import {
  type AgentChannelMessage,
  closeReason,
  decodeExchangeChannel,
  LINK_CLOSE,
  type Welcome,
} from "#protocol/link-channel.ts";
import { type Departure, LinkOutbox } from "#protocol/link-outbox.ts";
import {
  decodeAcknowledgement,
  decodeRecords,
  encodeAcknowledgement,
  encodeJsonRecord,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";
import { BUSY_DELAY_MS, DeltaPace } from "./delta-pace.ts";
import type { OpenLink } from "./handshake.ts";

/** Heartbeats that may stay unanswered. */
const MISSED_HEARTBEATS_MAX = 2;
/** While something is served: how often is asked, and how long may stay unanswered, at most. */
const BUSY_HEARTBEAT_MS = 2_000;
const BUSY_SILENCE_MS_MAX = 6_000;
/** How long the exchange may take to answer a close before the socket is cut. */
const CLOSE_TIMEOUT_MS = 5_000;

/** How a socket ended: the WebSocket's close code, 1006 when there was no close. */
export interface LinkEnd {
  code: number;
  reason: string;
}

export interface ChannelHandlers {
  /** A record of the session; what it throws closes the socket. */
  onRecord(record: LinkRecord, channel: AgentChannel): void;
  /** The exchange has taken so many records of the session. */
  onAcknowledged(count: number, channel: AgentChannel): void;
  /** The exchange carries the session on over this socket, having taken so many records. */
  onAttached(received: number, channel: AgentChannel): void;
  /** Before each heartbeat. */
  onBeat(channel: AgentChannel): void;
  onClosed(channel: AgentChannel, end: LinkEnd): void;
  activeDeliveries(): number;
}

export class AgentChannel {
  readonly welcome: Welcome;
  /** Resolves when the socket is gone. */
  readonly closed: Promise<LinkEnd>;
  readonly #socket: WebSocket;
  readonly #handlers: ChannelHandlers;
  readonly #outbox: LinkOutbox;
  readonly #pace = new DeltaPace(() => performance.now());
  #early: LinkRecord[];
  #pingedAtMs = performance.now();
  /** The oldest ping since something was heard. */
  #unansweredSinceMs: number | null = null;
  #heartbeat: NodeJS.Timeout | undefined;
  #closing: NodeJS.Timeout | undefined;
  /** Why we cut the socket, where we did. */
  #cutReason: string | null = null;
  #isOver = false;

  constructor(link: OpenLink, handlers: ChannelHandlers) {
    const { socket } = link;
    this.welcome = link.welcome;
    this.#socket = socket;
    this.#early = link.early;
    this.#handlers = handlers;
    this.#outbox = new LinkOutbox((message, onWritten) => {
      if (socket.readyState === socket.OPEN) socket.send(message, onWritten);
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.#isOver = true;
        clearInterval(this.#heartbeat);
        clearTimeout(this.#closing);
        const end = { code, reason: this.#cutReason ?? reason.toString() };
        handlers.onClosed(this, end);
        resolve(end);
      });
    });
  }

  /** Starts to listen, first to what came behind the welcome, and to send heartbeats. */
  begin(): void {
    this.#socket.removeAllListeners("message");
    this.#socket.on("message", (data: Buffer) => this.#receive(() => decodeRecords(data)));
    const beatMs = Math.min(this.welcome.heartbeatMs, BUSY_HEARTBEAT_MS);
    this.#heartbeat = setInterval(() => this.#beat(beatMs), beatMs);
    const early = this.#early;
    this.#early = [];
    this.#receive(() => early);
  }

  get isOpen(): boolean {
    return !this.#isOver && this.#socket.readyState === this.#socket.OPEN;
  }

  /** Takes a session's record; a patient one is a delta, which waits only on a busy link. */
  push(record: Buffer, departure: Departure = "turn"): void {
    if (departure === "now") this.#outbox.pushNow(record);
    else if (departure === "patient" && this.#pace.count()) {
      this.#outbox.pushPatient(record, BUSY_DELAY_MS);
    } else this.#outbox.push(record);
  }

  acknowledge(count: number): void {
    this.#outbox.push(encodeAcknowledgement(count));
  }

  say(message: AgentChannelMessage): void {
    this.#outbox.push(encodeJsonRecord(RecordType.channel, 0, 0, message));
  }

  /** Closes in order; what still comes counts for nothing. */
  close(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#outbox.flush();
    this.#isOver = true;
    clearInterval(this.#heartbeat);
    if (this.#socket.readyState >= this.#socket.CLOSING) return;
    this.#socket.close(code, closeReason(reason));
    this.#closing = setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS);
  }

  /** Cuts the socket: its other end does not answer. */
  cut(reason: string): void {
    this.#cutReason ??= reason;
    this.#socket.terminate();
  }

  #receive(decode: () => LinkRecord[]): void {
    if (this.#isOver) return;
    this.#unansweredSinceMs = null;
    try {
      for (const record of decode()) {
        if (this.#isOver) return;
        this.#take(record);
      }
    } catch (error) {
      this.#cutReason ??= (error as Error).message;
      this.close(LINK_CLOSE.protocol, (error as Error).message);
    }
  }

  #take(record: LinkRecord): void {
    if (record.type === RecordType.channel) this.#hear(record.payload);
    else if (record.type === RecordType.acknowledgement) {
      this.#handlers.onAcknowledged(decodeAcknowledgement(record.payload), this);
    } else this.#handlers.onRecord(record, this);
  }

  #hear(payload: Uint8Array): void {
    const decoded = decodeExchangeChannel(payload);
    if (!decoded.ok) throw new Error(decoded.reason);
    const { message } = decoded;
    switch (message.type) {
      case "ping":
        this.say({ type: "pong", sentAtMs: message.sentAtMs });
        return;
      case "pong":
        return;
      case "attached":
        this.#handlers.onAttached(message.received, this);
        return;
      default:
        throw new Error(`${message.type} after the handshake`);
    }
  }

  /** A path that carries nothing any more shows only by what is not answered. */
  #beat(beatMs: number): void {
    const { heartbeatMs } = this.welcome;
    const active = this.#handlers.activeDeliveries();
    const nowMs = performance.now();
    const idleMsMax = MISSED_HEARTBEATS_MAX * heartbeatMs;
    const silenceMsMax = active > 0 ? Math.min(BUSY_SILENCE_MS_MAX, idleMsMax) : idleMsMax;
    if (this.#unansweredSinceMs !== null && nowMs - this.#unansweredSinceMs >= silenceMsMax) {
      this.cut(`nothing heard for ${silenceMsMax} ms`);
      return;
    }
    // Timers come a little early at times.
    const pauseMs = active > 0 ? beatMs : heartbeatMs;
    if (nowMs - this.#pingedAtMs < pauseMs - beatMs / 2) return;
    this.#pingedAtMs = nowMs;
    this.#unansweredSinceMs ??= nowMs;
    this.#handlers.onBeat(this);
    this.say({ type: "ping", sentAtMs: nowMs, active });
  }
}
