/**
 * What follows from an order's fills beside the trades themselves, decided once they are all made:
 * stop orders that they reach, quote groups that they exhaust, prices that they move too far. Fills of the exchange itself let nothing in: it buys when somebody failed.
 */
import { EXCHANGE_ACCOUNT } from "#exchange/core/ledger/account-names.ts";
import type { CoreState, InstrumentState, Order } from "#exchange/core/state.ts";
import { instrumentOf, type Turn } from "#exchange/core/turn.ts";
import { movedTooFar } from "./price-history.ts";
import { groupOf, type QuoteGroup, tripGroups } from "./quote-groups.ts";
import { FILLS_MIN } from "./reference-price.ts";
import type { SafetyPolicy } from "./safety-policy.ts";
import { emitPhase } from "./trading-phase.ts";

type Fills = readonly { order: number; priceTicks: number }[];

const NO_GROUPS: readonly QuoteGroup[] = [];

/** Groups that these fills will count for. Asked before the first: an order that it ends is in none afterwards. */
export function groupsTouched(state: CoreState, fills: Fills): readonly QuoteGroup[] {
  return state.groups.size === 0 ? NO_GROUPS : groupsOf(state, fills);
}

/** To be called after the last of an order's fills. */
export function afterFills(
  turn: Turn,
  { account, symbol }: Pick<Order, "account" | "symbol">,
  fills: Fills,
  groups: readonly QuoteGroup[],
): void {
  if (account !== EXCHANGE_ACCOUNT) {
    const listed = instrumentOf(turn.state, symbol);
    if (listed.stops.size > 0) triggerStops(turn, listed, fills);
    const safety = turn.state.policy?.safety;
    if (safety !== undefined) breakIfMovedTooFar(turn, listed, safety);
  }
  if (groups.length > 0) tripGroups(turn, groups);
}

/** Measured once there are enough fills for a reference price: the first prices of a market are a search. */
function breakIfMovedTooFar(
  turn: Turn,
  listed: InstrumentState,
  { breakers, auctionMs }: SafetyPolicy,
): void {
  const { lastPriceTicks, recentFills, instrument } = listed;
  if (lastPriceTicks === null || recentFills.length < FILLS_MIN) return;
  if (!movedTooFar(listed, breakers, lastPriceTicks, turn.nowMs)) return;
  emitPhase(turn, instrument.symbol, "auction", "price moved too far", turn.nowMs + auctionMs);
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
