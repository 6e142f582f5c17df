/**
 * One socket of a supplier's session after its handshake: batches what leaves, beats, keeps to the
 * limits of what may come, and takes messages apart. Every byte that comes is hostile input.
 */
import type { WebSocket } from "ws";
import type { Clock } from "#exchange/clock.ts";
import {
  closeReason,
  decodeAgentChannel,
  type ExchangeChannelMessage,
  LINK_CLOSE,
} from "#protocol/link-channel.ts";
import { LinkOutbox } from "#protocol/link-outbox.ts";
import {
  decodeAcknowledgement,
  decodeRecords,
  encodeAcknowledgement,
  encodeJsonRecord,
  LINK_MESSAGE_BYTES_MAX,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";
import { UNACKNOWLEDGED_BYTES_MAX } from "#protocol/link-window.ts";
import type { IntegrityKind } from "./integrity.ts";
import { Rate, type RateOptions } from "./rate.ts";
import { RoundTrips } from "./round-trips.ts";

export const HEARTBEAT_MS = 10_000;
/** Silence after which a socket counts as dead: two missed heartbeats and some. */
const SILENCE_MS_MAX = 25_000;
/** Bytes that may wait in a socket before it counts as stuck: all that is sent again, and some. */
const SEND_QUEUE_BYTES_MAX = UNACKNOWLEDGED_BYTES_MAX + LINK_MESSAGE_BYTES_MAX;
/** How long an agent may take to answer a close before its socket is cut. */
const CLOSE_TIMEOUT_MS = 5_000;

/** What one socket may carry from an agent; beyond it the session ends. */
export interface ChannelLimits {
  records: RateOptions;
  bytes: RateOptions;
  /** Records of stream 0, which cost more each. */
  controlRecords: RateOptions;
}

/** Above what the exchange forwards at its best, so that only a flood meets them. */
export const CHANNEL_LIMITS: ChannelLimits = {
  records: { perSecond: 200_000, burst: 400_000 },
  bytes: { perSecond: 256 * 1024 * 1024, burst: 512 * 1024 * 1024 },
  controlRecords: { perSecond: 4_000, burst: 8_000 },
};

/** Something that an honest agent would not have sent, and that ends the session. */
export class LinkViolation extends Error {
  readonly kind: IntegrityKind;

  constructor(kind: IntegrityKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface ChannelHandlers {
  /** A record of the session; what it throws ends the session. */
  onRecord(record: LinkRecord, channel: Channel, nowMs: number): void;
  /** The other side has taken so many records of the session. */
  onAcknowledged(count: number, channel: Channel): void;
  onAttach(received: number, channel: Channel): void;
  /** The agent broke the protocol, or a handler threw. */
  onBroken(error: unknown): void;
  onClosed(channel: Channel, code: number, reason: string): void;
  /** Told before each heartbeat. */
  onBeat(channel: Channel): void;
  activeStreams(): number;
}

export interface ChannelDependencies {
  clock: Clock;
  limits: ChannelLimits;
  handlers: ChannelHandlers;
}

export class Channel {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #handlers: ChannelHandlers;
  readonly #outbox: LinkOutbox;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #roundTrips = new RoundTrips();
  readonly #records: Rate;
  readonly #bytes: Rate;
  readonly #controlRecords: Rate;
  #heardAtMs: number;
  /** The ping whose answer is awaited. */
  #pingedAtMs: number | null = null;
  #closing: NodeJS.Timeout | undefined;
  /** Nothing that still comes counts. */
  #isOver = false;

  constructor(socket: WebSocket, { clock, limits, handlers }: ChannelDependencies) {
    this.#socket = socket;
    this.#clock = clock;
    this.#handlers = handlers;
    const nowMs = clock.monotonicMs();
    this.#heardAtMs = nowMs;
    this.#records = new Rate(limits.records, nowMs);
    this.#bytes = new Rate(limits.bytes, nowMs);
    this.#controlRecords = new Rate(limits.controlRecords, nowMs);
    this.#outbox = new LinkOutbox((message, onWritten) => this.#write(message, onWritten));
    socket.on("message", (data: Buffer, isBinary) => this.#receive(data, isBinary));
    socket.on("error", (error) => this.#failed(error));
    socket.on("close", (code, reason) => this.#closed(code, reason.toString()));
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  get roundTripMs(): number | null {
    return this.#roundTrips.medianMs;
  }

  /** Queues a session's record for the end of this turn. */
  push(record: Buffer, onWritten?: () => void): void {
    this.#outbox.push(record, onWritten);
  }

  acknowledge(count: number): void {
    this.#outbox.push(encodeAcknowledgement(count));
  }

  say(message: ExchangeChannelMessage): void {
    this.#outbox.push(encodeJsonRecord(RecordType.channel, 0, 0, message));
  }

  ping(): void {
    const sentAtMs = this.#clock.monotonicMs();
    this.#pingedAtMs = sentAtMs;
    this.say({ type: "ping", sentAtMs, active: this.#handlers.activeStreams() });
  }

  /** Closes in order; what the agent still sends counts for nothing. */
  close(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#outbox.flush();
    this.#isOver = true;
    clearInterval(this.#heartbeat);
    this.#socket.close(code, closeReason(reason));
    this.#closing = setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS);
  }

  #write(message: Buffer, onWritten: () => void): void {
    if (this.#isOver || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(message, (error) => {
      if (!error) onWritten();
    });
    if (this.#socket.bufferedAmount > SEND_QUEUE_BYTES_MAX) this.#socket.terminate();
  }

  /** The WebSocket itself was spoken wrongly, or its connection broke. */
  #failed(error: Error & { code?: string }): void {
    if (error.code?.startsWith("WS_ERR") && !this.#isOver) {
      this.#handlers.onBroken(new LinkViolation("malformed", error.message));
    }
    this.#socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#isOver) return;
    const nowMs = this.#clock.monotonicMs();
    this.#heardAtMs = nowMs;
    try {
      if (!isBinary) throw new LinkViolation("malformed", "a text message on a binary link");
      const records = this.#split(data, nowMs);
      for (const record of records) {
        this.#take(record, nowMs);
        if (this.#isOver) return;
      }
    } catch (error) {
      this.#handlers.onBroken(error);
    }
  }

  #split(data: Buffer, nowMs: number): LinkRecord[] {
    if (!this.#bytes.take(data.length, nowMs)) throw new LinkViolation("flood", "too many bytes");
    let records: LinkRecord[];
    try {
      records = decodeRecords(data);
    } catch (error) {
      throw new LinkViolation("malformed", (error as Error).message);
    }
    if (!this.#records.take(records.length, nowMs)) {
      throw new LinkViolation("flood", "too many records");
    }
    return records;
  }

  #take(record: LinkRecord, nowMs: number): void {
    if (record.stream === 0 && !this.#controlRecords.take(1, nowMs)) {
      throw new LinkViolation("flood", "too many control records");
    }
    if (record.type === RecordType.channel) this.#hear(record, nowMs);
    else if (record.type === RecordType.acknowledgement) {
      this.#handlers.onAcknowledged(decodedCount(record), this);
    } else this.#handlers.onRecord(record, this, nowMs);
  }

  #hear({ payload }: LinkRecord, nowMs: number): void {
    const decoded = decodeAgentChannel(payload);
    if (!decoded.ok) throw new LinkViolation("malformed", decoded.reason);
    const { message } = decoded;
    switch (message.type) {
      case "ping":
        this.say({ type: "pong", sentAtMs: message.sentAtMs });
        return;
      case "pong":
        // A time of the agent's own making may not spoil the figure.
        if (message.sentAtMs !== this.#pingedAtMs) return;
        this.#pingedAtMs = null;
        this.#roundTrips.add(nowMs - message.sentAtMs);
        return;
      case "attach":
        this.#handlers.onAttach(message.received, this);
        return;
      default:
        throw new LinkViolation("wrong-type", `${message.type} after the handshake`);
    }
  }

  #beat(): void {
    if (this.#clock.monotonicMs() - this.#heardAtMs > SILENCE_MS_MAX) {
      this.#socket.terminate();
      return;
    }
    this.#handlers.onBeat(this);
    this.ping();
  }

  #closed(code: number, reason: string): void {
    this.#isOver = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#closing);
    this.#handlers.onClosed(this, code, reason);
  }
}

function decodedCount({ payload, stream }: LinkRecord): number {
  if (stream !== 0) throw new LinkViolation("wrong-type", "an acknowledgement on a stream");
  try {
    return decodeAcknowledgement(payload);
  } catch (error) {
    throw new LinkViolation("malformed", (error as Error).message);
  }
}

/** How a session ends that the agent broke. */
export function closeCodeOf(error: unknown): number {
  if (!(error instanceof LinkViolation)) return LINK_CLOSE.internal;
  return error.kind === "flood" ? LINK_CLOSE.flood : LINK_CLOSE.protocol;
}
