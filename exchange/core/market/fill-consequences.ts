/**
 * What follows from an order's fills beside the trades themselves, decided once they are all made:
 * stop orders that they reach, quote groups that they exhaust. Fills of the exchange itself let nothing in: it buys when somebody failed.
 */
import { EXCHANGE_ACCOUNT } from "#exchange/core/ledger/account-names.ts";
import type { CoreState, InstrumentState, Order } from "#exchange/core/state.ts";
import { instrumentOf, type Turn } from "#exchange/core/turn.ts";
import { groupOf, type QuoteGroup, tripGroups } from "./quote-groups.ts";

type Fills = readonly { order: number; priceTicks: number }[];

/** To be asked before the first of these fills; what it returns is run after the last. Null: nothing can follow. */
export function afterFills(
  turn: Turn,
  { account, symbol }: Pick<Order, "account" | "symbol">,
  fills: Fills,
): (() => void) | null {
  const { state } = turn;
  const listed = instrumentOf(state, symbol);
  const triggers = listed.stops.size > 0 && account !== EXCHANGE_ACCOUNT;
  if (!triggers && state.groups.size === 0) return null;
  // Before the fills: an order that they end is in no group afterwards.
  const groups = state.groups.size === 0 ? [] : groupsOf(state, fills);
  return () => {
    if (triggers) triggerStops(turn, listed, fills);
    tripGroups(turn, groups);
  };
}

function groupsOf(state: CoreState, fills: Fills): QuoteGroup[] {
  const groups = new Set<QuoteGroup>();
  for (const { order: number } of fills) {
    const order = state.orders.get(number);
    const group = order === undefined ? null : groupOf(state, order);
    if (group !== null) groups.add(group);
  }
  return [...groups];
}

/** Stop orders in the order in which these fills reach them: their prices, then their times. */
export function triggerStops(turn: Turn, listed: InstrumentState, fills: Fills): void {
  let lastTicks: number | null = null;
  for (const { priceTicks } of fills) {
    if (priceTicks === lastTicks) continue;
    lastTicks = priceTicks;
    const orders = listed.stops.reachedBy(priceTicks);
    if (orders.length > 0) emitTriggered(turn, listed, priceTicks, orders);
  }
}

export function emitTriggered(
  turn: Turn,
  { instrument }: InstrumentState,
  priceTicks: number,
  orders: number[],
): void {
  turn.emit({
    type: "stops-triggered",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    symbol: instrument.symbol,
    priceTicks,
    orders,
  });
}
