/** The end of a call auction: everything that can trade does so at one price, in price-time order. */
import type { InstrumentState, Order } from "#exchange/core/state.ts";
import type { Turn } from "#exchange/core/turn.ts";
import { closeOrder } from "./closing.ts";
import { triggerStops } from "./fill-consequences.ts";
import { BUY, NONE, SELL } from "./order-book-port.ts";
import { isOver } from "./order-terms.ts";
import { groupOf, tripGroups } from "./quote-groups.ts";
import { emitTrade } from "./trade.ts";
import { emitPhase } from "./trading-phase.ts";
import { uncrossPrice } from "./uncross-price.ts";

/** Pairs of orders that one turn looks at; the rest waits for the next, at the same price. */
export const UNCROSSED_PER_TURN_MAX = 500;

/** Uncrosses an auction that is over. True when more is left to do. */
export function endAuction(turn: Turn, listed: InstrumentState, dueMs: number): boolean {
  const { phase, endsAtMs } = listed.trading;
  if (phase !== "auction" || endsAtMs === null || endsAtMs > dueMs) return false;
  for (let pairs = 0; pairs < UNCROSSED_PER_TURN_MAX; pairs += 1) {
    if (uncrossNext(turn, listed)) continue;
    finish(turn, listed);
    return false;
  }
  return true;
}

/** The next bid and ask that meet; false when nothing meets any more. */
function uncrossNext(turn: Turn, listed: InstrumentState): boolean {
  const { state } = turn;
  const { book, trading, lastPriceTicks } = listed;
  const bid = book.best(BUY);
  const ask = book.best(SELL);
  if (bid === NONE || ask === NONE || book.priceTicks(bid) < book.priceTicks(ask)) return false;
  const price = trading.uncrossTicks;
  if (price === null || book.priceTicks(bid) < price || book.priceTicks(ask) > price) {
    // Not yet set, or orders that ended meanwhile left another one.
    const next = uncrossPrice(book, lastPriceTicks);
    if (next === null) return false;
    emitUncrossing(turn, listed, next.priceTicks, next.quantity);
    return true;
  }
  const pair = [bid, ask].map((handle) => restingAt(turn, listed, handle));
  const [buy, sell] = pair as [Order, Order];
  for (const order of [buy, sell]) {
    if (!isOver(state, order, turn.nowMs)) continue;
    closeOrder(turn, order, "cancelled", "expired");
    return true;
  }
  const [older, newer] = buy.number < sell.number ? [buy, sell] : [sell, buy];
  if (buy.account === sell.account) {
    const mode = state.terms.get(newer.number)?.selfTrade ?? "cancel-newest";
    if (mode !== "cancel-newest") closeOrder(turn, older, "cancelled", "self_trade_prevented");
    if (mode !== "cancel-oldest") closeOrder(turn, newer, "cancelled", "self_trade_prevented");
    return true;
  }
  const groups = pair.map((order) => groupOf(state, order)).filter((group) => group !== null);
  emitTrade(turn, older, newer, Math.min(book.quantity(bid), book.quantity(ask)), price);
  for (const order of [older, newer]) {
    if (order.filled === order.quantity) closeOrder(turn, order, "filled", null);
  }
  tripGroups(turn, groups);
  return true;
}

function restingAt({ state }: Turn, { book }: InstrumentState, handle: number): Order {
  const order = state.orders.get(book.order(handle));
  if (order === undefined) throw new Error(`book holds unknown order ${book.order(handle)}`);
  return order;
}

function emitUncrossing(
  turn: Turn,
  { instrument }: InstrumentState,
  priceTicks: number,
  quantity: number,
): void {
  turn.emit({
    type: "auction-uncrossing",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    symbol: instrument.symbol,
    priceTicks,
    quantity,
  });
}

/** Stop orders are looked at once, at the price of the auction. */
function finish(turn: Turn, listed: InstrumentState): void {
  const price = listed.trading.uncrossTicks;
  emitPhase(turn, listed.instrument.symbol, "active", "auction ended", null);
  if (price !== null) triggerStops(turn, listed, [{ order: 0, priceTicks: price }]);
}
