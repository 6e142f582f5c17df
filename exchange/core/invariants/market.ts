/** Orders and books: each open order has behind it what its fill would cost, and the book shows it. */
import { askHold, bidHold } from "#exchange/core/ledger/account-names.ts";
import { BUY, NONE, SELL } from "#exchange/core/market/order-book-port.ts";
import type { CoreState, InstrumentState, Order } from "#exchange/core/state.ts";
import { canServe } from "#exchange/core/supply/capacity.ts";
import { tokensOf, valueMicros } from "#protocol/instrument.ts";

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
  const hold = order.side === "buy" ? bidHold(order.number) : askHold(order.number);
  const held = state.ledger.holdAmount(hold);
  const needed =
    order.side === "buy"
      ? valueMicros(listed.instrument, order.priceTicks, left)
      : BigInt(tokensOf(listed.instrument, left));
  // A bid also holds its fee; an ask holds exactly the Units it offers.
  if (order.side === "buy" ? held < needed : held !== needed) {
    breaches.push(`${where} holds ${held} for the ${left} it has left, expected ${needed}`);
  }
  return [...breaches, ...placeBreaches(state, listed, order, left)];
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
  if (order.side === "sell" && !canServe(state, order.account, order.symbol)) {
    breaches.push(`${where} can be bought, but no node of account ${order.account} can serve it`);
  }
  return breaches;
}

/** The book is not crossed, and holds as many orders as are open. */
export function* bookBreaches(state: CoreState, listed: InstrumentState): Generator<string> {
  const { book } = listed;
  const { symbol } = listed.instrument;
  const bid = book.bestPriceTicks(BUY);
  const ask = book.bestPriceTicks(SELL);
  if (bid !== null && ask !== null && bid >= ask) {
    yield `the book of ${symbol} is crossed: best bid ${bid}, best ask ${ask}`;
  }
  let open = 0;
  for (const order of state.orders.values()) {
    if (order.symbol === symbol && order.status === "open") open += 1;
  }
  if (open !== book.size) yield `the book of ${symbol} holds ${book.size} orders, ${open} are open`;
}
