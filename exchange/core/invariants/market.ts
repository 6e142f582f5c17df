/** Orders and books: each open order has behind it what its fill would cost, and the book shows it. */
import { askHold, askLotHold, askMargin, bidHold } from "#exchange/core/ledger/account-names.ts";
import { BUY, NONE, SELL } from "#exchange/core/market/order-book-port.ts";
import type { CoreState, InstrumentState, Order } from "#exchange/core/state.ts";
import { canServe } from "#exchange/core/supply/capacity.ts";
import { type Instrument, tokensOf, valueMicros } from "#protocol/instrument.ts";
import { BASIS_POINTS, divideCeil, shareCeil } from "#protocol/money.ts";
import { phaseBreaches, waitingBreaches } from "./terms.ts";

export function orderBreaches(state: CoreState, order: Order): string[] {
  const breaches: string[] = [];
  const where = `order ${order.number}`;
  const left = order.quantity - order.filled;
  const listed = state.instruments.get(order.symbol);
  if (listed === undefined) return [`${where} is of ${order.symbol}, which is not listed`];
  if (left < 1) breaches.push(`${where} is open with ${left} left, expected at least 1`);
  if (state.accounts.get(order.account)?.openOrders.has(order.number) !== true) {
    breaches.push(`${where} is open, but not among those of account ${order.account}`);
  }
  for (const [hold, needed] of holdsOf(order, listed.instrument)) {
    const held = state.ledger.holdAmount(hold);
    if (held === needed) continue;
    breaches.push(`${where} has ${held} in ${hold} for the ${left} left, expected ${needed}`);
  }
  if (order.lots.length > 0) breaches.push(...offerBreaches(state, order, left));
  return [...breaches, ...placeBreaches(state, listed, order, left)];
}

/**
 * What an open order holds, to the micro-dollar and the token: a bid the value of what is left at its
 * limit and what that can still cost in fees, rounded up over the whole order; an ask its Units and bond,
 * or the Lots that it sells.
 */
function holdsOf(order: Order, instrument: Instrument): [hold: string, needed: bigint][] {
  const { number, side, priceTicks, heldBps } = order;
  const left = order.quantity - order.filled;
  const value = valueMicros(instrument, priceTicks, left);
  if (order.lots.length > 0) {
    return order.lots.map(({ lot, quantity }) => [
      askLotHold(number, lot),
      BigInt(tokensOf(instrument, quantity)),
    ]);
  }
  if (side === "sell") {
    return [
      [askHold(number), BigInt(tokensOf(instrument, left))],
      [askMargin(number), shareCeil(value, heldBps)],
    ];
  }
  const fees = divideCeil(order.feeBasisMicros + value * BigInt(heldBps), BASIS_POINTS);
  return [[bidHold(number), value + fees - order.feeMicros]];
}

/** Bought Units on offer are the seller's, in Trading, and as many as the order still sells. */
function offerBreaches(state: CoreState, order: Order, left: number): string[] {
  const breaches: string[] = [];
  const where = `order ${order.number}`;
  const offered = order.lots.reduce((sum, { quantity }) => sum + quantity, 0);
  if (offered !== left) breaches.push(`${where} has Lots for ${offered}, expected ${left}`);
  if (!state.resales.has(order.number)) breaches.push(`${where} is not found by its Lots`);
  for (const { lot: number } of order.lots) {
    const lot = state.lots.get(number);
    if (lot?.owner !== order.account || lot.tradingSinceMs === null) {
      breaches.push(`${where} sells Lot ${number}, which its owner has not in Trading`);
    }
  }
  return breaches;
}

/** Who would serve what an ask sells. */
function suppliersOf(state: CoreState, order: Order): number[] {
  if (order.lots.length === 0) return [order.account];
  return order.lots.map(({ lot }) => state.lots.get(lot)?.supplier ?? order.account);
}

/** An open order rests in the book as it is, a suspended one does not. */
function placeBreaches(
  state: CoreState,
  { book }: InstrumentState,
  order: Order,
  left: number,
): string[] {
  const where = `order ${order.number}`;
  const { handle, priceTicks } = order;
  const waits = order.status === "waiting" || order.status === "triggered";
  if (waits && (state.terms.get(order.number)?.waitsSinceSeq ?? null) === null) {
    return [`${where} is ${order.status}, but has no stop price`];
  }
  if (order.status !== "open") {
    return handle === NONE ? [] : [`${where} is ${order.status} and still in the book`];
  }
  if (!book.has(handle)) return [`${where} is open, but not in the book`];
  const breaches: string[] = [];
  const found = `${book.quantity(handle)} at ${book.priceTicks(handle)} for order ${book.order(handle)}`;
  const expected = `${left} at ${priceTicks} for ${where}`;
  if (found !== expected) breaches.push(`the book has ${found}, expected ${expected}`);
  if (book.side(handle) !== (order.side === "buy" ? BUY : SELL)) {
    breaches.push(`${where} stands on the other side of the book`);
  }
  for (const supplier of order.side === "sell" ? suppliersOf(state, order) : []) {
    if (canServe(state, supplier, order.symbol)) continue;
    breaches.push(`${where} can be bought, but no node of account ${supplier} can serve it`);
  }
  return breaches;
}

/** The book is not crossed, and each place in it is that of an open order. May be paused. */
export function* bookBreaches(
  state: CoreState,
  { book, instrument, trading }: InstrumentState,
): Generator<string | null> {
  const { symbol } = instrument;
  const bid = book.bestPriceTicks(BUY);
  const ask = book.bestPriceTicks(SELL);
  const isActive = trading.phase === "active";
  if (isActive && bid !== null && ask !== null && bid >= ask) {
    yield `the book of ${symbol} is crossed: best bid ${bid}, best ask ${ask}`;
  }
  yield* phaseBreaches(symbol, trading);
  for (const handle of book.handles()) {
    const number = book.order(handle);
    const order = state.orders.get(number);
    if (order?.handle === handle && order.symbol === symbol && order.status === "open") yield null;
    else yield `the book of ${symbol} holds order ${number}, which does not rest there`;
  }
  yield* waitingBreaches(state, symbol);
}
