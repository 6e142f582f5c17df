/**
 * Sending deliveries to suppliers: picks the least loaded linked node with a free slot, waits a
 * bounded time for one, and reports exactly one end per attempt.
 */
import type { DeliveryEnd, DeliveryErrorCode } from "#protocol/link-messages.ts";
import type { Session } from "./session.ts";

/** Deliveries that may wait for a slot, per supplier. */
export const DISPATCH_QUEUE_MAX = 256;
/** How long a delivery waits for a slot. */
export const DISPATCH_WAIT_MS_MAX = 10_000;

export interface AttemptError {
  code: DeliveryErrorCode | "link-lost" | "no-node" | "protocol";
  message: string;
  /** The backend's HTTP status where there was one. */
  status: number | null;
}

/** Called in record order; after `onEnd` or `onError` nothing more comes. Payloads are views, valid during the call. */
export interface AttemptHandlers {
  onAccepted?(): void;
  onDelta(text: Buffer, chunks: number): void;
  onEvent(json: Buffer): void;
  onBody(part: Buffer, final: boolean): void;
  onEnd(end: DeliveryEnd): void;
  onError(error: AttemptError): void;
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
}

export interface Dispatcher {
  dispatch(request: AttemptRequest, handlers: AttemptHandlers): Attempt;
}

interface Waiter {
  request: AttemptRequest;
  start(session: Session): void;
  fail(error: AttemptError): void;
}

/** The sessions that are linked now, and the deliveries that wait for one. */
export class SupplierRegistry implements Dispatcher {
  readonly #sessions = new Map<number, Session>();
  readonly #waiting = new Map<number, Waiter[]>();

  /** Takes a session in; returns the one it replaces. */
  add(session: Session): Session | undefined {
    const before = this.#sessions.get(session.node);
    this.#sessions.set(session.node, session);
    return before;
  }

  /** Forgets a session, unless a newer one took its place. */
  remove(session: Session): void {
    if (this.#sessions.get(session.node) === session) this.#sessions.delete(session.node);
    this.serveWaiting(session.account);
  }

  sessionsOf(account: number): Session[] {
    return [...this.#sessions.values()].filter((session) => session.account === account);
  }

  all(): Session[] {
    return [...this.#sessions.values()];
  }

  dispatch(request: AttemptRequest, handlers: AttemptHandlers) {
    let running: Attempt | null = null;
    let over = false;
    const once: AttemptHandlers = {
      ...handlers,
      onDelta: (text, chunks) => handlers.onDelta(text, chunks),
      onEnd: (end) => finish(() => handlers.onEnd(end)),
      onError: (error) => finish(() => handlers.onError(error)),
    };
    const finish = (tell: () => void) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      tell();
      // The slot is free again: whoever waits for this supplier may go.
      this.serveWaiting(request.supplier);
    };
    const waiter: Waiter = {
      request,
      start: (session) => {
        clearTimeout(timer);
        running = session.open(request, once);
      },
      fail: (error) => finish(() => handlers.onError(error)),
    };
    let timer: NodeJS.Timeout | undefined;
    const session = this.#pick(request.supplier, request.symbol);
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
    const nothing = null;
    return {
      clock: () => ({
        dispatchedMs: nothing,
        acceptedMs: nothing,
        firstOutputMs: nothing,
        lastOutputMs: nothing,
        rttMs: nothing,
      }),
      cancel: (reason: string) => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        this.#forget(waiter);
        running?.cancel(reason);
        this.serveWaiting(request.supplier);
      },
      grant: (bytes: number) => {
        if (!over) running?.grant(bytes);
      },
    };
  }

  #wait(waiter: Waiter): NodeJS.Timeout | undefined {
    const queue = this.#waiting.get(waiter.request.supplier) ?? [];
    this.#waiting.set(waiter.request.supplier, queue);
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
    const queue = this.#waiting.get(waiter.request.supplier);
    const at = queue?.indexOf(waiter) ?? -1;
    if (at >= 0) queue?.splice(at, 1);
    if (queue?.length === 0) this.#waiting.delete(waiter.request.supplier);
  }

  /** Starts waiting deliveries of a supplier while it has free slots; fails them when it has no node left. */
  serveWaiting(supplier: number): void {
    const queue = this.#waiting.get(supplier);
    while (queue !== undefined && queue.length > 0) {
      const waiter = queue[0] as Waiter;
      const session = this.#pick(supplier, waiter.request.symbol);
      if (session === null) return;
      this.#forget(waiter);
      if (session === "none") {
        waiter.fail({ code: "no-node", message: "the supplier's link was lost", status: null });
      } else waiter.start(session);
    }
  }

  /** The least loaded node with a free slot; null when all are taken, "none" when none is linked. */
  #pick(supplier: number, symbol: string): Session | null | "none" {
    let best: Session | null = null;
    let linked = false;
    for (const session of this.#sessions.values()) {
      if (session.account !== supplier || !session.serves(symbol)) continue;
      linked = true;
      if (session.freeSlots <= 0) continue;
      if (best === null || session.freeSlots > best.freeSlots) best = session;
    }
    return linked ? best : "none";
  }
}
