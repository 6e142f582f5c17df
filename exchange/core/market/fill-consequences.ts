/**
 * What follows from an order's fills beside the trades themselves, decided once they are all made:
 * stop orders that they reach. Fills of the exchange itself let nothing in: it buys when somebody failed.
 */
import { EXCHANGE_ACCOUNT } from "#exchange/core/ledger/account-names.ts";
import type { InstrumentState, Order } from "#exchange/core/state.ts";
import { instrumentOf, type Turn } from "#exchange/core/turn.ts";

type Fills = readonly { order: number; priceTicks: number }[];

/** To be asked before the first of these fills; what it returns is run after the last. Null: nothing can follow. */
export function afterFills(
  turn: Turn,
  { account, symbol }: Pick<Order, "account" | "symbol">,
  fills: Fills,
): (() => void) | null {
  if (account === EXCHANGE_ACCOUNT) return null;
  const listed = instrumentOf(turn.state, symbol);
  if (listed.stops.size === 0) return null;
  return () => triggerStops(turn, listed, fills);
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
