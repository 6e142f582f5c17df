/** What events of terms and stop prices do to the state. */

import { countGroupFill, groupKey, groupOf } from "#exchange/core/market/quote-groups.ts";
import type { CoreState, Order } from "#exchange/core/state.ts";
import { instrumentOf } from "#exchange/core/turn.ts";
import type { Appliers } from "./apply.ts";
import { leaveBook, openOrderOf } from "./open-order.ts";

export const orderTermsAppliers: Appliers<
  | "order-terms-set"
  | "order-amended"
  | "stops-triggered"
  | "quote-group-set"
  | "quote-group-tripped"
  | "cancel-after-set"
> = {
  "order-terms-set": (state, { order: number, terms, seq }) => {
    const order = openOrderOf(state, number);
    setTerms(state, order, { ...terms, waitsSinceSeq: terms.stopTicks === null ? null : seq });
    if (terms.stopTicks === null) return;
    order.status = "waiting";
    indexStop(state, order);
  },
  "order-amended": (state, event) => {
    const order = openOrderOf(state, event.order);
    const { quantity, keepsPlace, terms } = event;
    if (keepsPlace && order.handle !== 0) {
      instrumentOf(state, order.symbol).book.reduce(order.handle, order.quantity - quantity);
    }
    order.quantity = quantity;
    if (keepsPlace) return;
    leaveBook(state, order);
    if (order.status === "waiting") leaveStops(state, order);
    order.priceTicks = event.priceTicks;
    order.timeInForce = event.timeInForce;
    if (terms === null) state.terms.delete(order.number);
    else setTerms(state, order, { ...terms, waitsSinceSeq: stillWaits(order) ? event.seq : null });
    if (order.status === "waiting") indexStop(state, order);
  },
  "stops-triggered": (state, { orders }) => {
    for (const number of orders) {
      const order = openOrderOf(state, number);
      leaveStops(state, order);
      order.status = "triggered";
      state.triggered.push(number);
    }
  },
  "quote-group-set": (state, { account, symbol, group, quantityMax, windowMs }) => {
    state.groups.set(groupKey(account, symbol, group), {
      ...{ account, symbol, group, quantityMax, windowMs, isTripped: false, fills: [] },
    });
  },
  "quote-group-tripped": (state, { account, symbol, group: name }) => {
    const group = state.groups.get(groupKey(account, symbol, name));
    if (group === undefined) throw new Error(`account ${account} has no quote group ${name}`);
    group.isTripped = true;
    group.fills = [];
  },
  "cancel-after-set": (state, { account, cancelsAtMs }) => {
    if (cancelsAtMs === null) state.cancelsAfter.delete(account);
    else {
      state.cancelsAfter.set(account, cancelsAtMs);
      state.due.push({ dueMs: cancelsAtMs, kind: "cancel-after", id: account });
    }
  },
};

const stillWaits = ({ status }: Order): boolean => status === "waiting";

/** What a maker's fill adds to its group. */
export function countFillOfGroup(state: CoreState, order: Order, quantity: number, atMs: number) {
  const group = groupOf(state, order);
  if (group !== null) countGroupFill(group, quantity, atMs);
}

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
