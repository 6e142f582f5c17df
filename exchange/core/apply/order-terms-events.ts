/** What events of terms and stop prices do to the state. */
import type { CoreState, Order } from "#exchange/core/state.ts";
import { instrumentOf } from "#exchange/core/turn.ts";
import type { Appliers } from "./apply.ts";
import { openOrderOf } from "./open-order.ts";

export const orderTermsAppliers: Appliers<"order-terms-set" | "stops-triggered"> = {
  "order-terms-set": (state, { order: number, terms, seq }) => {
    const order = openOrderOf(state, number);
    setTerms(state, order, { ...terms, waitsSinceSeq: terms.stopTicks === null ? null : seq });
    if (terms.stopTicks === null) return;
    order.status = "waiting";
    indexStop(state, order);
  },
  "stops-triggered": (state, { orders }) => {
    for (const number of orders) {
      const order = openOrderOf(state, number);
      leaveStops(state, order);
      order.status = "triggered";
      state.triggered.push(number);
    }
  },
};

function setTerms(state: CoreState, order: Order, terms: ReturnType<typeof termsOf>): void {
  state.terms.set(order.number, terms);
  if (terms.expiresAtMs === null) return;
  state.due.push({ dueMs: terms.expiresAtMs, kind: "order-expiry", id: order.number });
}

function termsOf(state: CoreState, order: Order) {
  const terms = state.terms.get(order.number);
  if (terms === undefined) throw new Error(`order ${order.number} has no terms`);
  return terms;
}

/** Puts a waiting order where its stop price and its time say. */
export function indexStop(state: CoreState, order: Order): void {
  instrumentOf(state, order.symbol).stops.add(order.side, waitingOf(state, order));
}

function leaveStops(state: CoreState, order: Order): void {
  instrumentOf(state, order.symbol).stops.remove(order.side, waitingOf(state, order));
}

function waitingOf(state: CoreState, order: Order) {
  const { stopTicks, waitsSinceSeq } = termsOf(state, order);
  if (stopTicks === null || waitsSinceSeq === null) {
    throw new Error(`order ${order.number} waits for no stop price`);
  }
  return { order: order.number, stopTicks, sinceSeq: waitsSinceSeq };
}

/** A triggered order has entered the market, or will not: it no longer stands in line for it. */
export function leaveTriggered(state: CoreState, order: Order): void {
  const at = state.triggered.indexOf(order.number);
  if (at === -1) throw new Error(`order ${order.number} is triggered and not in line`);
  state.triggered.splice(at, 1);
}

/** Forgets what a closing order asked for. */
export function dropTerms(state: CoreState, order: Order): void {
  if (order.status === "waiting") leaveStops(state, order);
  if (order.status === "triggered") leaveTriggered(state, order);
  state.terms.delete(order.number);
}
