/**
 * One supplier's session: the streams of the deliveries it serves and its control messages, carried
 * by one of its sockets and outliving each of them. What was sent and not acknowledged is sent again
 * over the next socket; what the agent sends is taken once.
 */
import type { WebSocket } from "ws";
import type { Clock } from "#exchange/clock.ts";
import { LINK_CLOSE } from "#protocol/link-channel.ts";
import { ControlSequence } from "#protocol/link-control.ts";
import {
  decodeFromAgent,
  type FromAgent,
  type FromExchange,
  type Supply,
} from "#protocol/link-messages.ts";
import type { LinkRecord } from "#protocol/link-records.ts";
import { ReceiveCount, SendWindow, UNACKNOWLEDGED_BYTES_MAX } from "#protocol/link-window.ts";
import { Channel, type ChannelLimits, closeCodeOf, LinkViolation } from "./channel.ts";
import type { Attempt, AttemptHandlers, AttemptRequest } from "./dispatcher.ts";
import type { IntegrityKind } from "./integrity.ts";
import { SessionStreams } from "./session-streams.ts";

/** How long is waited for an agent. */
export interface SessionTimes {
  /** For a lost session; then it is over, and its attempts are lost. */
  resumeMs: number;
  /** For a lost session by an attempt that has no output yet. */
  resumeBeforeOutputMs: number;
  /** For an attempt to be accepted, from when its request was flushed. */
  acceptMs: number;
}

export const SESSION_TIMES: SessionTimes = {
  resumeMs: 5_000,
  resumeBeforeOutputMs: 3_000,
  acceptMs: 2_000,
};
/** Sockets of one session: one that carries it, one that stands by. */
const CHANNELS_MAX = 2;
/** RFC 6455 section 7.4.1: the agent closed in order and will not come back to this session. */
const CLOSE_NORMAL = 1000;

export interface SessionOptions {
  id: string;
  node: number;
  account: number;
  /** The highest of a node is its live one. */
  epoch: number;
  limits: ChannelLimits;
  times: SessionTimes;
}

export interface SessionHandlers {
  onMessage(message: FromAgent, session: Session): void;
  /** A socket carries the session: for the first time, after another, or after it was down. */
  onAttached(session: Session, wasDown: boolean): void;
  /** No socket is left; the session waits for one. */
  onDown(session: Session, reason: string): void;
  /** The session is over, and will not come back. */
  onEnd(session: Session, reason: string): void;
  onIntegrity(session: Session, kind: IntegrityKind, detail: string): void;
  /** A fault of our own, met while a record was taken. */
  onFault(session: Session, error: unknown): void;
}

export class Session {
  readonly id: string;
  readonly node: number;
  readonly account: number;
  readonly epoch: number;
  /** What the agent serves, as it said last. */
  supply: Supply | null = null;
  readonly #limits: ChannelLimits;
  readonly #times: SessionTimes;
  readonly #clock: Clock;
  readonly #handlers: SessionHandlers;
  readonly #streams: SessionStreams;
  readonly #controls = new ControlSequence();
  readonly #window = new SendWindow();
  readonly #received = new ReceiveCount();
  readonly #channels = new Set<Channel>();
  #carrier: Channel | null = null;
  #waits: NodeJS.Timeout[] = [];
  #symbols = new Set<string>();
  #slots = 0;
  #isDraining = false;
  #isDown = false;
  #isOver = false;

  constructor(
    options: SessionOptions,
    { clock, handlers }: { clock: Clock; handlers: SessionHandlers },
  ) {
    this.id = options.id;
    this.node = options.node;
    this.account = options.account;
    this.epoch = options.epoch;
    this.#limits = options.limits;
    this.#times = options.times;
    this.#clock = clock;
    this.#handlers = handlers;
    this.#streams = new SessionStreams(clock, {
      acceptTimeoutMs: options.times.acceptMs,
      send: (record, onWritten) => this.#send(record, onWritten),
      unacknowledgedBytes: () => this.#window.bytes,
      sentRecords: () => this.#window.sent,
      roundTripMs: () => this.#carrier?.roundTripMs ?? null,
      onViolation: (kind, detail) => handlers.onIntegrity(this, kind, detail),
    });
    this.#waitForSocket();
  }

  /** A socket carries the session, or one stands by that will in a moment. */
  get isUp(): boolean {
    return !this.#isOver && this.#channels.size > 0;
  }

  get freeSlots(): number {
    if (this.#isDraining || this.#carrier === null) return 0;
    return this.#slots - this.#streams.open;
  }

  get activeStreams(): number {
    return this.#streams.open;
  }

  serves(symbol: string): boolean {
    return this.isUp && !this.#isDraining && this.#symbols.has(symbol);
  }

  supplies(supply: Supply): void {
    this.supply = supply;
    this.#slots = supply.slots;
    this.#symbols = new Set(supply.instruments.map(({ symbol }) => symbol));
  }

  /** No new deliveries; those that run go on. */
  drain(): void {
    this.#isDraining = true;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Takes a socket whose agent proved itself; it stands by until the agent attaches the session to it. */
  join(socket: WebSocket): Channel {
    const channel = new Channel(socket, {
      clock: this.#clock,
      limits: this.#limits,
      handlers: {
        onRecord: (record, from, nowMs) => this.#take(record, from, nowMs),
        onAcknowledged: (count, from) => this.#acknowledged(count, from),
        onAttach: (received, to) => this.#attach(received, to),
        onBroken: (error) => this.#broken(error),
        onClosed: (from, code, reason) => this.#channelClosed(from, code, reason),
        onBeat: (from) => this.#acknowledge(from),
        activeStreams: () => this.#streams.open,
      },
    });
    this.#channels.add(channel);
    for (const other of [...this.#channels]) {
      if (this.#channels.size <= CHANNELS_MAX) break;
      if (other === channel || other === this.#carrier) continue;
      this.#channels.delete(other);
      other.close(LINK_CLOSE.detached, "another socket stands by");
    }
    return channel;
  }

  open(request: AttemptRequest, handlers: AttemptHandlers): Attempt {
    return this.#streams.start(request, handlers);
  }

  send(message: FromExchange): void {
    this.#send(this.#controls.encode(message));
  }

  /** Ends the session and closes its sockets; what is open ends as lost. */
  end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isDraining = true;
    this.#stopWaiting();
    this.#carrier = null;
    for (const channel of this.#channels) channel.close(code, reason);
    this.#channels.clear();
    this.#handlers.onEnd(this, `${code} ${reason}`.trim());
    this.#streams.loseAll(() => true, `the supplier's link ended: ${reason}`);
  }

  /** Counts a record and sends it, now or over the next socket. */
  #send(record: Buffer, onWritten?: () => void): void {
    if (this.#isOver) return;
    this.#window.push(record);
    this.#carrier?.push(record, onWritten);
    if (this.#window.bytes <= UNACKNOWLEDGED_BYTES_MAX) return;
    // Not from within the caller, who may be amid a record of this session.
    setImmediate(() => this.end(LINK_CLOSE.protocol, "nothing is acknowledged"));
  }

  #take(record: LinkRecord, from: Channel, nowMs: number): void {
    if (from !== this.#carrier) {
      throw new LinkViolation("wrong-type", "a record on a socket that does not carry the session");
    }
    if (this.#received.take(record.payload.byteLength)) this.#acknowledge(from);
    if (record.stream !== 0) {
      this.#streams.receive(record, nowMs);
      return;
    }
    const problem = this.#controls.problem(record);
    if (problem !== null) throw new LinkViolation("wrong-type", problem);
    const decoded = decodeFromAgent(record.payload);
    if (!decoded.ok) throw new LinkViolation("malformed", decoded.reason);
    if (decoded.message.type !== "running") this.#handlers.onMessage(decoded.message, this);
    else this.send({ type: "reconciled", ...this.#streams.reconcile(decoded.message) });
  }

  #acknowledge(channel: Channel): void {
    if (channel !== this.#carrier || !this.#received.isBehind) return;
    channel.acknowledge(this.#received.tell());
  }

  #acknowledged(count: number, from: Channel): void {
    if (from !== this.#carrier) return;
    if (!this.#window.acknowledge(count)) {
      throw new LinkViolation("wrong-count", `${count} records acknowledged, fewer were sent`);
    }
    this.#streams.feed();
  }

  #attach(received: number, channel: Channel): void {
    if (channel === this.#carrier) {
      throw new LinkViolation("wrong-type", "attached to the socket that carries the session");
    }
    if (!this.#window.canResumeAt(received)) {
      throw new LinkViolation("wrong-count", `${received} records taken cannot be resumed`);
    }
    const former = this.#carrier;
    this.#carrier = channel;
    this.#stopWaiting();
    if (former !== null) {
      this.#channels.delete(former);
      former.close(LINK_CLOSE.detached, "another socket carries the session");
    }
    this.#window.acknowledge(received);
    channel.say({ type: "attached", received: this.#received.tell() });
    const flushed = () => this.#streams.flushed();
    const again = this.#window.unacknowledged();
    for (const [index, record] of again.entries()) {
      channel.push(record, index === again.length - 1 ? flushed : undefined);
    }
    if (again.length === 0) this.#streams.flushed();
    channel.ping();
    this.#streams.feed();
    const wasDown = this.#isDown;
    this.#isDown = false;
    this.#handlers.onAttached(this, wasDown);
  }

  #channelClosed(channel: Channel, code: number, reason: string): void {
    const carried = channel === this.#carrier;
    if (!this.#channels.delete(channel) || this.#isOver) return;
    if (carried && code === CLOSE_NORMAL) {
      this.end(code, reason);
      return;
    }
    if (carried) {
      this.#carrier = null;
      this.#waitForSocket();
    }
    if (this.#channels.size > 0) return;
    this.#isDown = true;
    this.#handlers.onDown(this, `${code} ${reason}`.trim());
  }

  #waitForSocket(): void {
    const lost = "it was lost and did not come back in time";
    this.#waits = [
      setTimeout(
        () => this.#streams.loseAll((stream) => !stream.hasOutput, lost),
        this.#times.resumeBeforeOutputMs,
      ),
      setTimeout(() => this.end(LINK_CLOSE.silent, lost), this.#times.resumeMs),
    ];
  }

  #stopWaiting(): void {
    for (const timer of this.#waits) clearTimeout(timer);
    this.#waits = [];
  }

  #broken(error: unknown): void {
    if (this.#isOver) return;
    const { message } = error as Error;
    if (error instanceof LinkViolation) this.#handlers.onIntegrity(this, error.kind, message);
    else this.#handlers.onFault(this, error);
    this.end(closeCodeOf(error), message);
  }
}
