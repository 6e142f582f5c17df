/**
 * Price-time matching: which resting orders an incoming one takes, and the trades that follow.
 * Planning reads the book and changes nothing; executing emits one event per fill.
 */

import type { Side } from "#exchange/core/commands.ts";
import type { ClosureReason, CoreState, InstrumentState, Order } from "#exchange/core/state.ts";
import { instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { valueMicros } from "#protocol/instrument.ts";
import { closeOrder } from "./closing.ts";
import { feeOfFill } from "./fees.ts";
import { afterFills, groupsTouched } from "./fill-consequences.ts";
import { BUY, NONE, SELL } from "./order-book-port.ts";
import { canRest, isOver, type OrderTerms, overReason } from "./order-terms.ts";
import { emitTrade } from "./trade.ts";

/** Resting orders that one incoming order would take, in order. */
export interface MatchPlan {
  fills: { order: number; quantity: number; priceTicks: number }[];
  /** Resting orders on the way that end first: its owner's own, and those whose time is over. */
  ends: readonly { order: number; reason: ClosureReason }[];
  quantity: number;
  valueMicros: bigint;
  /** The next order in line belongs to the same owner, and the one that comes ends there. */
  selfTrade: boolean;
  /** Orders within reach were left because their price was beyond the limit. */
  beyondLimit: boolean;
}

/** The ends of most plans, made once. */
export const NO_ENDS: MatchPlan["ends"] = [];

/** Who takes: `terms` are null for an order without. */
export interface Taker {
  account: number;
  side: Side;
  limitTicks: number;
  quantity: number;
  terms: OrderTerms | null;
  nowMs: number;
}

/** A plan that takes nothing. */
export function emptyPlan(): MatchPlan {
  return {
    fills: [],
    ends: NO_ENDS,
    quantity: 0,
    valueMicros: 0n,
    selfTrade: false,
    beyondLimit: false,
  };
}

/** Whether a resting price is acceptable to a taker's limit. */
export function crosses(takerSide: Side, restingTicks: number, limitTicks: number): boolean {
  return takerSide === "buy" ? restingTicks <= limitTicks : restingTicks >= limitTicks;
}

/** Walks the opposite side from the best price, first come first served at each price. */
export function planMatch(state: CoreState, listed: InstrumentState, taker: Taker): MatchPlan {
  const plan = emptyPlan();
  if (listed.trading.phase !== "active") return plan;
  const { book, instrument } = listed;
  let handle = book.best(taker.side === "buy" ? SELL : BUY);
  while (handle !== NONE && plan.quantity < taker.quantity) {
    const priceTicks = book.priceTicks(handle);
    if (!crosses(taker.side, priceTicks, taker.limitTicks)) {
      plan.beyondLimit = true;
      break;
    }
    const resting = state.orders.get(book.order(handle));
    if (resting === undefined) throw new Error(`book holds unknown order ${book.order(handle)}`);
    if (isOver(state, resting, taker.nowMs)) {
      plan.ends = [...plan.ends, { order: resting.number, reason: overReason(resting) }];
      handle = book.next(handle);
      continue;
    }
    if (resting.account === taker.account) {
      const mode = taker.terms?.selfTrade ?? "cancel-newest";
      plan.selfTrade = mode !== "cancel-oldest";
      if (mode !== "cancel-newest") {
        plan.ends = [...plan.ends, { order: resting.number, reason: "self_trade_prevented" }];
      }
      if (plan.selfTrade) break;
      handle = book.next(handle);
      continue;
    }
    const quantity = Math.min(book.quantity(handle), taker.quantity - plan.quantity);
    plan.fills.push({ order: resting.number, quantity, priceTicks });
    plan.quantity += quantity;
    plan.valueMicros += valueMicros(instrument, priceTicks, quantity);
    handle = book.next(handle);
  }
  return plan;
}

/** Fills an accepted order as planned. */
export function executePlan(turn: Turn, taker: Order, plan: MatchPlan): void {
  for (const { order: number, reason } of plan.ends) {
    // Cover is planned before other events of its turn, which may have ended it.
    const order = turn.state.orders.get(number);
    if (order !== undefined) closeOrder(turn, order, "cancelled", reason);
  }
  if (plan.fills.length === 0) return;
  const groups = groupsTouched(turn.state, plan.fills);
  for (const fill of plan.fills) {
    const maker = plannedOrder(turn.state, fill.order);
    emitTrade(turn, maker, taker, fill.quantity, fill.priceTicks);
    if (maker.filled === maker.quantity) closeOrder(turn, maker, "filled", null);
  }
  afterFills(turn, taker, plan.fills, groups);
}

function plannedOrder(state: CoreState, number: number): Order {
  const order = state.orders.get(number);
  if (order === undefined) throw new Error(`planned on order ${number}, which is not open`);
  return order;
}

/** What a seller that takes pays in fees for a plan. */
export function sellerFeeMicros(
  turn: Turn,
  order: Pick<Order, "feeBasisMicros" | "feeMicros">,
  plan: MatchPlan,
): bigint {
  return feeOfFill(order, plan.valueMicros, policyOf(turn.state).takerFeeBps);
}

/** What an order would take now. */
export function planOrder({ state, nowMs }: Turn, order: Order): MatchPlan {
  return planMatch(state, instrumentOf(state, order.symbol), {
    account: order.account,
    side: order.side,
    limitTicks: order.priceTicks,
    quantity: order.quantity - order.filled,
    terms: state.terms.get(order.number) ?? null,
    nowMs,
  });
}

/** Matches an accepted order as planned on the book as it is, and rests or closes what is left of it, by its time in force. */
export function executeOrder(turn: Turn, order: Order, plan: MatchPlan): void {
  const { ledger } = turn.state;
  const wanted = order.quantity - order.filled;
  if (order.postOnly && plan.fills.length > 0) {
    closeOrder(turn, order, "cancelled", "post_only_would_cross");
    return;
  }
  const affordable =
    order.side === "buy" ||
    // Who sells bought Units has its fee from what it is paid.
    order.lots.length > 0 ||
    sellerFeeMicros(turn, order, plan) <= ledger.free(ledger.names.available(order.account));
  const executable = affordable && (order.timeInForce !== "fok" || plan.quantity === wanted);
  if (executable) executePlan(turn, order, plan);
  if (order.filled === order.quantity) closeOrder(turn, order, "filled", null);
  else if (!affordable) closeOrder(turn, order, "cancelled", "cancelled");
  else if (plan.selfTrade) closeOrder(turn, order, "cancelled", "self_trade_prevented");
  else if (canRest(order)) {
    turn.emit({
      type: "order-rested",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      order: order.number,
    });
  } else {
    closeOrder(turn, order, "cancelled", endReason(order, order.filled, plan));
  }
}

/** Why what is left of an order that does not rest ends. */
export function endReason(
  { orderType }: Pick<Order, "orderType">,
  filled: number,
  plan: Pick<MatchPlan, "selfTrade" | "beyondLimit">,
): ClosureReason {
  if (plan.selfTrade) return "self_trade_prevented";
  const hasProtection = orderType === "market" || orderType === "stop";
  const amount = filled > 0 ? "partially_filled" : "no_fill";
  return `${amount}_${hasProtection && plan.beyondLimit ? "max_slippage" : "no_liquidity"}`;
}
