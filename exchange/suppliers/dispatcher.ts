/** Sends deliveries to the least loaded node with a free slot, waits a bounded time for one, and reports one end per attempt. */
import type { DeliveryEnd, DeliveryErrorCode } from "#protocol/link-messages.ts";
import type { Session } from "./session.ts";

/** Deliveries that may wait for a slot, per supplier. */
export const DISPATCH_QUEUE_MAX = 256;
/** How long a delivery waits for a slot. */
export const DISPATCH_WAIT_MS_MAX = 10_000;

export interface AttemptError {
  code: DeliveryErrorCode | "link-lost" | "no-accept" | "no-node" | "protocol" | "slot-refused";
  message: string;
  /** The backend's HTTP status where there was one. */
  status: number | null;
}

/** When what happened to an attempt, on the exchange's monotonic clock; null where it did not. */
export interface AttemptClock {
  /** The request was flushed to the socket, as a whole. */
  dispatchedMs: number | null;
  acceptedMs: number | null;
  firstOutputMs: number | null;
  lastOutputMs: number | null;
  /** Median of the last 20 pings of the link that carries it; null before the first answer. */
  rttMs: number | null;
}

/** Called in record order; after `onEnd` or `onError` nothing more comes. Payloads are views, valid during the call. */
export interface AttemptHandlers {
  onAccepted?(): void;
  onDelta(text: Buffer, chunks: number): void;
  onEvent(json: Buffer): void;
  /** Whether an event holds any of the answer, asked before it is told; without this all do. */
  holdsOutput?(json: Buffer): boolean;
  onBody(part: Buffer, final: boolean): void;
  onEnd(end: DeliveryEnd, clock: AttemptClock): void;
  onError(error: AttemptError, clock: AttemptClock): void;
}

export interface AttemptRequest {
  supplier: number;
  symbol: string;
  /** Random; tells the supplier nothing of the buyer. */
  attemptId: string;
  streamed: boolean;
  maxOutputTokens: number;
  body: Buffer;
  /** To the first record of output, from now. */
  firstTokenTimeoutMs: number;
}

export interface Attempt {
  /** Stops the backend; no handler is called any more. */
  cancel(reason: string): void;
  /** The client has taken these output bytes: the supplier may send as many more. */
  grant(bytes: number): void;
  clock(): AttemptClock;
}

export interface Dispatcher {
  dispatch(request: AttemptRequest, handlers: AttemptHandlers): Attempt;
}

/** An attempt that never left. */
const NOT_DISPATCHED: AttemptClock = {
  dispatchedMs: null,
  acceptedMs: null,
  firstOutputMs: null,
  lastOutputMs: null,
  rttMs: null,
};

/** What of a supplier can be reached now. */
export interface Availability {
  /** Some link of it is up. */
  isLinked: boolean;
  /** Deliveries that its nodes would take at once, over all of them. */
  freeSlots: number;
}

/**
 * A node that says it is busy was given no more than it said it takes: that is its own refusal, and not
 * the demand beyond all slots that `busy` stands for here.
 */
function withOwnWord(error: AttemptError): AttemptError {
  return error.code === "busy" ? { ...error, code: "slot-refused" } : error;
}

interface Waiter {
  supplier: number;
  symbol: string;
  start(session: Session): void;
  fail(error: AttemptError): void;
}

/** How much of a supplier's slots may be used for an instrument now, in basis points. */
export type SlotWeight = (supplier: number, symbol: string) => number;
const WHOLE_BPS = 10_000;

/** The sessions that are linked now, and the deliveries that wait for one. */
export class SupplierRegistry implements Dispatcher {
  readonly #weight: SlotWeight;
  readonly #ofNode = new Map<number, Session>();
  readonly #ofAccount = new Map<number, Set<Session>>();
  readonly #waiting = new Map<number, Waiter[]>();
  /** Deliveries that run, by supplier and instrument. */
  readonly #running = new Map<string, number>();

  constructor(weight: SlotWeight = () => WHOLE_BPS) {
    this.#weight = weight;
  }

  /** Takes a session in; returns the one of the same node that it replaces. */
  add(session: Session): Session | undefined {
    const before = this.#ofNode.get(session.node);
    this.#ofNode.set(session.node, session);
    const ofAccount = this.#ofAccount.get(session.account) ?? new Set();
    this.#ofAccount.set(session.account, ofAccount.add(session));
    if (before !== undefined) ofAccount.delete(before);
    return before;
  }

  /** Forgets a session, unless a newer one took its place. */
  remove(session: Session): void {
    if (this.#ofNode.get(session.node) === session) this.#ofNode.delete(session.node);
    const ofAccount = this.#ofAccount.get(session.account);
    ofAccount?.delete(session);
    if (ofAccount?.size === 0) this.#ofAccount.delete(session.account);
    this.serveWaiting(session.account);
  }

  sessionOf(node: number): Session | undefined {
    return this.#ofNode.get(node);
  }

  sessionsOf(account: number): Session[] {
    return [...(this.#ofAccount.get(account) ?? [])];
  }

  all(): Session[] {
    return [...this.#ofNode.values()];
  }

  /** Whether a supplier can be reached, and how much it would take; of one instrument where named. */
  availability(supplier: number, symbol?: string): Availability {
    const available: Availability = { isLinked: false, freeSlots: 0 };
    for (const session of this.#ofAccount.get(supplier) ?? []) {
      if (!session.isUp) continue;
      available.isLinked = true;
      if (symbol === undefined || session.serves(symbol)) {
        available.freeSlots += Math.max(0, session.freeSlots);
      }
    }
    return available;
  }

  dispatch(asked: AttemptRequest, handlers: AttemptHandlers) {
    const { supplier, symbol } = asked;
    // Until it is sent: what is kept below lives as long as the stream, and must not keep its body.
    let request: AttemptRequest | null = asked;
    let running: Attempt | null = null;
    let started = false;
    let over = false;
    const once: AttemptHandlers = {
      ...handlers,
      onDelta: (text, chunks) => handlers.onDelta(text, chunks),
      onEnd: (end, clock) => finish(() => handlers.onEnd(end, clock)),
      onError: (error, clock) => finish(() => handlers.onError(withOwnWord(error), clock)),
    };
    const finish = (tell: () => void) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      if (started) this.#countRunning(waiter, -1);
      tell();
      // The slot is free again: whoever waits for this supplier may go.
      this.serveWaiting(supplier);
    };
    const waiter: Waiter = {
      supplier,
      symbol,
      start: (session) => {
        clearTimeout(timer);
        const unsent = request;
        request = null;
        if (unsent === null) return;
        started = true;
        this.#countRunning(waiter, 1);
        running = session.open(unsent, once);
      },
      fail: (error) => finish(() => handlers.onError(error, NOT_DISPATCHED)),
    };
    let timer: NodeJS.Timeout | undefined;
    const session = this.#pick(supplier, symbol);
    if (session === "none") {
      queueMicrotask(() =>
        waiter.fail({
          code: "no-node",
          message: "the supplier has no linked node",
          status: null,
        }),
      );
    } else if (session !== null) {
      waiter.start(session);
    } else {
      timer = this.#wait(waiter);
    }
    return {
      cancel: (reason: string) => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        this.#forget(waiter);
        if (started) this.#countRunning(waiter, -1);
        running?.cancel(reason);
        this.serveWaiting(supplier);
      },
      grant: (bytes: number) => {
        if (!over) running?.grant(bytes);
      },
      clock: () => running?.clock() ?? NOT_DISPATCHED,
    };
  }

  #wait(waiter: Waiter): NodeJS.Timeout | undefined {
    const queue = this.#waiting.get(waiter.supplier) ?? [];
    this.#waiting.set(waiter.supplier, queue);
    const busy: AttemptError = {
      code: "busy",
      message: "the supplier's slots are all taken",
      status: null,
    };
    if (queue.length >= DISPATCH_QUEUE_MAX) {
      queueMicrotask(() => waiter.fail(busy));
      return undefined;
    }
    queue.push(waiter);
    return setTimeout(() => {
      this.#forget(waiter);
      waiter.fail(busy);
    }, DISPATCH_WAIT_MS_MAX);
  }

  #forget(waiter: Waiter): void {
    const queue = this.#waiting.get(waiter.supplier);
    const at = queue?.indexOf(waiter) ?? -1;
    if (at >= 0) queue?.splice(at, 1);
    if (queue?.length === 0) this.#waiting.delete(waiter.supplier);
  }

  /**
   * Starts waiting deliveries of a supplier while it has free slots, in order within each instrument: one
   * that may have no slot now holds up no other. Fails those that no node serves any more.
   */
  serveWaiting(supplier: number): void {
    const heldUp = new Set<string>();
    for (;;) {
      const queue = this.#waiting.get(supplier);
      const waiter = queue?.find(({ symbol }) => !heldUp.has(symbol));
      if (waiter === undefined) return;
      const session = this.#pick(supplier, waiter.symbol);
      if (session === null) {
        heldUp.add(waiter.symbol);
        continue;
      }
      this.#forget(waiter);
      if (session === "none") {
        waiter.fail({ code: "no-node", message: "the supplier's link was lost", status: null });
      } else waiter.start(session);
    }
  }

  #countRunning({ supplier, symbol }: Pick<Waiter, "supplier" | "symbol">, by: 1 | -1): void {
    const key = `${supplier}:${symbol}`;
    const count = (this.#running.get(key) ?? 0) + by;
    if (count === 0) this.#running.delete(key);
    else this.#running.set(key, count);
  }

  /** The least loaded node with a free slot; null when none may be taken, "none" when none is linked. */
  #pick(supplier: number, symbol: string): Session | null | "none" {
    let best: Session | null = null;
    let linked = false;
    let slots = 0;
    for (const session of this.#ofAccount.get(supplier) ?? []) {
      if (!session.serves(symbol)) continue;
      linked = true;
      slots += session.freeSlots + session.activeStreams;
      if (session.freeSlots <= 0) continue;
      if (best === null || session.freeSlots > best.freeSlots) best = session;
    }
    if (!linked) return "none";
    const weightBps = this.#weight(supplier, symbol);
    if (weightBps >= WHOLE_BPS) return best;
    // A throttled instrument keeps one slot, or it could never show that it is well again.
    const allowed = Math.max(1, Math.floor((slots * weightBps) / WHOLE_BPS));
    return (this.#running.get(`${supplier}:${symbol}`) ?? 0) < allowed ? best : null;
  }
}
