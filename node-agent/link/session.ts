/**
 * The agent's session with the exchange: control messages, calls and the records of the deliveries. One
 * socket carries it at a time; when that is lost it goes on over another where both sides left off.
 */
import { LINK_CLOSE, type Welcome } from "#protocol/link-channel.ts";
import { ControlSequence } from "#protocol/link-control.ts";
import {
  decodeFromExchange,
  type Fill,
  type FromAgent,
  type FromExchange,
  type GoAway,
  RUNNING_ATTEMPTS_MAX,
} from "#protocol/link-messages.ts";
import type { Departure } from "#protocol/link-outbox.ts";
import type { LinkRecord } from "#protocol/link-records.ts";
import {
  ReceiveCount,
  SendWindow,
  UNACKNOWLEDGED_BYTES_HIGH,
  UNACKNOWLEDGED_BYTES_MAX,
} from "#protocol/link-window.ts";
import { type CallMethod, type CallParams, OutstandingCalls } from "./calls.ts";
import { AgentChannel, type LinkEnd } from "./channel.ts";
import type { OpenLink } from "./handshake.ts";

export type { LinkEnd } from "./channel.ts";

/** How long the exchange may take to move the session to another socket. */
const ATTACH_TIMEOUT_MS = 2_000;
/** How long a drain waits for the exchange's word that it knows. */
const DRAIN_ANSWER_MS_MAX = 2_000;
/** RFC 6455 section 7.4.1: the purpose was fulfilled; the other side goes away. */
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;

export interface SessionHandlers {
  /** A record of a delivery's stream. What it throws closes the link. */
  onRecord(record: LinkRecord, session: AgentSession): void;
  onFill(fill: Fill): void;
  onGoAway(message: GoAway): void;
  /** The session went on over another socket. */
  onResumed(): void;
  /** These attempts are not open at the exchange any more. */
  onCancel(attemptIds: readonly string[]): void;
  onClose(end: LinkEnd): void;
  /** For the heartbeat. */
  activeDeliveries(): number;
  /** What is listed to the exchange when the session was resumed. */
  runningAttempts(): string[];
}

export class AgentSession {
  readonly welcome: Welcome;
  /** Resolves when the session is over; the loss of a socket alone is not its end. */
  readonly closed: Promise<LinkEnd>;
  readonly #handlers: SessionHandlers;
  readonly #calls = new OutstandingCalls((call) => this.send(call));
  readonly #controls = new ControlSequence();
  readonly #window = new SendWindow();
  readonly #received = new ReceiveCount();
  readonly #channels = new Set<AgentChannel>();
  readonly #resolveClosed: (end: LinkEnd) => void;
  #carrier: AgentChannel | null = null;
  /** The socket that the exchange was asked to move the session to. */
  #next: AgentChannel | null = null;
  #attachTimer: NodeJS.Timeout | undefined;
  #resumeTimer: NodeJS.Timeout | undefined;
  #waiters: (() => void)[] = [];
  #drained: (() => void) | null = null;
  #attachments = 0;
  #end: LinkEnd | null = null;

  constructor(welcome: Welcome, handlers: SessionHandlers) {
    this.welcome = welcome;
    this.#handlers = handlers;
    const { promise, resolve } = Promise.withResolvers<LinkEnd>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  /** Takes a socket that was welcomed to this session: it carries it, or stands by. */
  join(link: OpenLink): AgentChannel {
    const channel = new AgentChannel(link, {
      onRecord: (record, from) => this.#take(record, from),
      onAcknowledged: (count, from) => this.#acknowledged(count, from),
      onAttached: (received, to) => this.#attached(received, to),
      onBeat: (from) => this.#acknowledge(from),
      onClosed: (from, end) => this.#channelClosed(from, end),
      activeDeliveries: () => this.#handlers.activeDeliveries(),
    });
    this.#channels.add(channel);
    channel.begin();
    if (this.#carrier === null && this.#next === null && channel.isOpen) this.#attach(channel);
    return channel;
  }

  /** It is not over; a socket may be missing for the moment. */
  get isOpen(): boolean {
    return this.#end === null;
  }

  /** A socket carries it. */
  get isLinked(): boolean {
    return this.#carrier !== null;
  }

  send(message: FromAgent): void {
    this.sendRecord(this.#controls.encode(message));
  }

  /** Sends an encoded record of a delivery's stream. */
  sendRecord(record: Buffer, departure?: Departure): void {
    if (!this.isOpen) return;
    this.#window.push(record);
    this.#carrier?.push(record, departure);
    if (this.#window.bytes > UNACKNOWLEDGED_BYTES_MAX) this.abandon("nothing is acknowledged");
  }

  /** Resolves when there is room for more output; null when there is some already. */
  room(): Promise<void> | null {
    if (this.#window.bytes <= UNACKNOWLEDGED_BYTES_HIGH || !this.isOpen) return null;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Calls a method of the exchange. Rejects with `CallRefused`, also when no answer comes in time. */
  call<M extends CallMethod>(method: M, params: CallParams<M>): Promise<unknown> {
    return this.#calls.call(method, params);
  }

  /** Tells the exchange that nothing new is taken; resolves when it knows, when the session ends, or after 2 s. */
  drain(reason: string, deadlineMs: number): Promise<void> {
    if (!this.isOpen) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, DRAIN_ANSWER_MS_MAX);
      this.#drained = () => {
        clearTimeout(timer);
        resolve();
      };
      this.send({ type: "drain", reason, deadlineMs });
    });
  }

  /** Closes the session in order; resolves when it is closed. */
  async close(reason: string): Promise<LinkEnd> {
    const sockets = [...this.#channels].map(({ closed }) => closed);
    for (const channel of this.#channels) channel.close(CLOSE_NORMAL, reason);
    await Promise.all(sockets);
    this.#over({ code: CLOSE_NORMAL, reason });
    return this.closed;
  }

  /** The exchange has no such session any more: another one takes its place. */
  abandon(reason: string): void {
    this.#over({ code: LINK_CLOSE.silent, reason });
  }

  #take(record: LinkRecord, from: AgentChannel): void {
    if (from !== this.#carrier) throw new Error("a record on a socket that carries no session");
    if (this.#received.take(record.payload.byteLength)) this.#acknowledge(from);
    if (record.stream !== 0) this.#handlers.onRecord(record, this);
    else this.#control(record);
  }

  #control(record: LinkRecord): void {
    const problem = this.#controls.problem(record);
    if (problem !== null) throw new Error(problem);
    const decoded = decodeFromExchange(record.payload);
    if (!decoded.ok) throw new Error(decoded.reason);
    this.#hear(decoded.message);
  }

  #hear(message: FromExchange): void {
    switch (message.type) {
      case "fill":
        this.#handlers.onFill(message);
        return;
      case "go-away":
        this.#handlers.onGoAway(message);
        return;
      case "draining":
        this.#drained?.();
        return;
      case "reconciled":
        this.#handlers.onCancel(message.cancel);
        return;
      case "reply":
        this.#calls.reply(message);
        return;
    }
  }

  #acknowledge(channel: AgentChannel): void {
    if (channel !== this.#carrier || !this.#received.isBehind) return;
    channel.acknowledge(this.#received.tell());
  }

  #acknowledged(count: number, from: AgentChannel): void {
    if (from !== this.#carrier) return;
    if (!this.#window.acknowledge(count)) {
      throw new Error(`${count} records acknowledged, fewer were sent`);
    }
    if (this.#window.bytes <= UNACKNOWLEDGED_BYTES_HIGH / 2) this.#release();
  }

  #attach(channel: AgentChannel): void {
    clearTimeout(this.#resumeTimer);
    this.#next = channel;
    channel.say({ type: "attach", received: this.#received.taken });
    this.#attachTimer = setTimeout(
      () => channel.cut(`not attached within ${ATTACH_TIMEOUT_MS} ms`),
      ATTACH_TIMEOUT_MS,
    );
  }

  #attached(received: number, channel: AgentChannel): void {
    if (channel !== this.#next) throw new Error("attached, but it was not asked for");
    clearTimeout(this.#attachTimer);
    if (!this.#window.canResumeAt(received)) {
      throw new Error(`${received} records taken cannot be resumed`);
    }
    this.#next = null;
    this.#carrier = channel;
    this.#attachments += 1;
    this.#received.tell();
    this.#window.acknowledge(received);
    for (const record of this.#window.unacknowledged()) channel.push(record);
    if (this.#attachments === 1) return;
    this.#listRunning();
    this.#release();
    this.#handlers.onResumed();
  }

  /** Behind what was sent again, so that the exchange has heard of every end by then. */
  #listRunning(): void {
    const all = this.#handlers.runningAttempts();
    const received = this.#received.taken;
    let rest = all;
    do {
      const attempts = rest.slice(0, RUNNING_ATTEMPTS_MAX);
      rest = rest.slice(RUNNING_ATTEMPTS_MAX);
      this.send({ type: "running", received, attempts, more: rest.length > 0 });
    } while (rest.length > 0);
  }

  #channelClosed(channel: AgentChannel, end: LinkEnd): void {
    this.#channels.delete(channel);
    if (!this.isOpen) return;
    if (end.code === LINK_CLOSE.replaced) {
      this.#over(end);
      return;
    }
    if (channel === this.#next) {
      clearTimeout(this.#attachTimer);
      this.#next = null;
    } else if (channel === this.#carrier) {
      this.#carrier = null;
      if (isFinal(end.code)) {
        this.#over(end);
        return;
      }
    }
    if (this.#carrier !== null || this.#next !== null) return;
    const standby = [...this.#channels].find(({ isOpen }) => isOpen);
    if (standby !== undefined) {
      this.#attach(standby);
      return;
    }
    clearTimeout(this.#resumeTimer);
    this.#resumeTimer = setTimeout(() => this.#over(end), this.welcome.resumeMs);
  }

  #over(end: LinkEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#carrier = null;
    this.#next = null;
    clearTimeout(this.#attachTimer);
    clearTimeout(this.#resumeTimer);
    for (const channel of this.#channels) channel.close(CLOSE_NORMAL, "the session is over");
    this.#release();
    this.#drained?.();
    this.#calls.end();
    this.#handlers.onClose(end);
    this.#resolveClosed(end);
  }

  /** Lets everybody go who waits for room; with none, they wait anew. */
  #release(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}

/** Whether a close says that the session is over, and not only its socket. */
function isFinal(code: number): boolean {
  return code === CLOSE_NORMAL || code === CLOSE_GOING_AWAY || code >= 4_000;
}
