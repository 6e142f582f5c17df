/** Sell orders on bought Units: which there are, and how they end with what they offer. */
import { closeOrder } from "#exchange/core/market/closing.ts";
import { isOver } from "#exchange/core/market/order-terms.ts";
import { suspendedUntilMs } from "#exchange/core/sla/standing.ts";
import type { Account, ClosureReason, CoreState, Lot, Order } from "#exchange/core/state.ts";
import { canServe } from "#exchange/core/supply/capacity.ts";
import { accountOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { debtOf } from "./debt.ts";
import { lotOf } from "./lots.ts";
import { nextSweepMs } from "./sweep-times.ts";

/** Whether Lots of a supplier may be sold on: it can be sent to now, is not suspended and owes nothing. */
export function isInGoodStanding(state: CoreState, supplier: number, symbol: string): boolean {
  return (
    canServe(state, supplier, symbol) &&
    suspendedUntilMs(state, supplier, symbol) === null &&
    debtOf(state, supplier) <= 0n
  );
}

/**
 * Whether an ask may be bought by the exchange for who did not choose it: issued Units always, bought
 * ones while they have all of their time before them and their escrow is not far below what they cost.
 */
export function isFitForAutoMode(state: CoreState, { lots, priceTicks }: Order): boolean {
  if (lots.length === 0) return true;
  const { fundPriceBpsMin } = policyOf(state).sla;
  return lots.every(({ lot: number }) => {
    const lot = lotOf(state, number);
    return lot.expiresAtMs === null && lot.priceTicks * 10_000 >= priceTicks * fundPriceBpsMin;
  });
}

/** Open sell orders on Lots that a supplier owes, of whoever holds them, oldest first. */
export function offersOfLotsBy(state: CoreState, supplier: number, symbol: string | null): Order[] {
  const offers: Order[] = [];
  for (const number of state.resales) {
    const order = state.orders.get(number);
    if (order === undefined || (symbol !== null && order.symbol !== symbol)) continue;
    if (order.lots.some(({ lot }) => lotOf(state, lot).supplier === supplier)) offers.push(order);
  }
  return offers.sort((a, b) => a.number - b.number);
}

/** Asks that a supplier would serve, of an instrument or all: its own, and those on its Lots. Oldest first. */
export function asksServedBy(state: CoreState, supplier: number, symbol: string | null): Order[] {
  const asks = offersOfLotsBy(state, supplier, symbol);
  for (const number of accountOf(state, supplier).openOrders) {
    const order = state.orders.get(number);
    if (order?.side !== "sell" || order.lots.length > 0) continue;
    if (symbol === null || order.symbol === symbol) asks.push(order);
  }
  return asks.sort((a, b) => a.number - b.number);
}

/** Who would serve what an ask sells: its owner, or who owes the Lots. */
export function suppliersOf(state: CoreState, { account, lots }: Order): number[] {
  return lots.length === 0 ? [account] : lots.map(({ lot }) => lotOf(state, lot).supplier);
}

/** Whether an ask that left the book may come back: its sweep is not due, and whoever owes can be sent to. */
export function mayReturn(state: CoreState, order: Order, nowMs: number): boolean {
  if (order.lots.length === 0) return true;
  if (isOver(state, order, nowMs)) return false;
  return order.lots.every(({ lot }) =>
    isInGoodStanding(state, lotOf(state, lot).supplier, order.symbol),
  );
}

/** Ends an account's sell orders on Lots of an instrument that were open at a point of the sweep's grid. */
export function closeSwept(
  turn: Turn,
  owner: Pick<Account, "openOrders">,
  symbol: string,
  gridMs: number,
): void {
  closeWhere(turn, owner, "swept", ({ lots, placedAtMs, ...order }) => {
    return order.symbol === symbol && lots.length > 0 && nextSweepMs(placedAtMs) <= gridMs;
  });
}

/** Ends the sell orders that hold a Lot which is about to end itself. */
export function closeOffersOf(turn: Turn, lot: Lot): void {
  if (lot.tradingSinceMs === null || lot.freeTokens === lot.tokens) return;
  const holds = (order: Order) => order.lots.some((offered) => offered.lot === lot.number);
  closeWhere(turn, accountOf(turn.state, lot.owner), "lot_ended", holds);
}

function closeWhere(
  turn: Turn,
  { openOrders }: Pick<Account, "openOrders">,
  reason: ClosureReason,
  ends: (order: Order) => boolean,
): void {
  for (const number of [...openOrders].sort((a, b) => a - b)) {
    const order = turn.state.orders.get(number);
    if (order !== undefined && ends(order)) closeOrder(turn, order, "cancelled", reason);
  }
}

/** Takes orders out of the book, owner by owner. */
export function suspendOrders(turn: Turn, orders: readonly Order[]): void {
  const groups = new Map<string, Order[]>();
  for (const order of [...orders].sort((a, b) => a.number - b.number)) {
    const key = `${order.account}/${order.symbol}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [order]);
    else group.push(order);
  }
  for (const group of groups.values()) {
    const { account, symbol } = group[0] as Order;
    turn.emit({
      type: "orders-suspended",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      account,
      symbol,
      orders: group.map(({ number }) => number),
    });
  }
}
