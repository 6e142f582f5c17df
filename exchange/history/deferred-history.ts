/**
 * The read model, fed in larger portions: events are durable in the journal already, so it may be a
 * moment behind, and a delivery that opens and closes in one portion is written once. Whoever asks
 * is answered as if it were not behind.
 */
import type { CoreEvent } from "#exchange/core/events.ts";
import type { History } from "./history.ts";

/** Portion that is taken in at once: some ms of the event loop. */
export const DEFERRED_EVENTS_MAX = 512;
/**
 * How far behind the journal the read model may be. Most deliveries end in less, and are written once
 * then; nobody sees it, and after a crash the journal brings it back.
 */
export const DEFERRED_MS_MAX = 50;

export interface DeferredHistoryDependencies {
  /** Runs something after so many milliseconds; `setTimeout`, or what stands in its place. */
  later: (run: () => void, ms: number) => void;
  /** The read model could not take in what is durable. */
  onFatal: (error: Error) => void;
}

/** Wraps a history; its `apply` returns before the events are in it. */
export function deferHistory(
  history: History,
  { later, onFatal }: DeferredHistoryDependencies,
): History {
  let waiting: CoreEvent[] = [];
  let isArmed = false;
  let isClosed = false;

  function takeIn(): void {
    if (waiting.length === 0) return;
    const events = waiting;
    waiting = [];
    history.apply(events);
  }

  function atLast(): void {
    isArmed = false;
    if (isClosed) return;
    try {
      takeIn();
    } catch (error) {
      onFatal(error as Error);
    }
  }

  /** The same question, asked when nothing waits. */
  function upToDate<A extends unknown[], R>(ask: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      takeIn();
      return ask(...args);
    };
  }

  return {
    get lastSeq() {
      return waiting.at(-1)?.seq ?? history.lastSeq;
    },
    get journalMark() {
      return history.journalMark;
    },
    bind: (mark) => history.bind(mark),
    apply(events) {
      waiting.push(...events);
      if (waiting.length >= DEFERRED_EVENTS_MAX) {
        takeIn();
        return;
      }
      if (isArmed) return;
      isArmed = true;
      later(atLast, DEFERRED_MS_MAX);
    },
    catchUp(events) {
      takeIn();
      return history.catchUp(events);
    },
    close() {
      isClosed = true;
      takeIn();
      history.close();
    },
    candles: upToDate(history.candles),
    order: upToDate(history.order),
    orders: upToDate(history.orders),
    openOrderCounts: upToDate(history.openOrderCounts),
    fills: upToDate(history.fills),
    publicTrades: upToDate(history.publicTrades),
    deliveryByRequestId: upToDate(history.deliveryByRequestId),
    deliveries: upToDate(history.deliveries),
    issuances: upToDate(history.issuances),
    transfers: upToDate(history.transfers),
    lots: upToDate(history.lots),
    lot: upToDate(history.lot),
    statement: upToDate(history.statement),
  };
}
