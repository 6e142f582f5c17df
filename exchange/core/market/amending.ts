/**
 * Amending an open order. A smaller quantity keeps its place; anything else takes it out and lets it
 * enter again, behind those of its new price. It keeps its number, and the fee and bond of its day.
 */
import type { AmendOrder, Command, CommandResult } from "#exchange/core/commands.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { InstrumentState, Order } from "#exchange/core/state.ts";
import { emitIssue } from "#exchange/core/supply/issuance.ts";
import { accept, type Decision, instrumentOf, type Turn } from "#exchange/core/turn.ts";
import { amendedFunds } from "./amended-funds.ts";
import { freeIncrements } from "./free-units.ts";
import { emptyPlan, executeOrder, type MatchPlan, planMatch } from "./matching.ts";
import { isPrice } from "./order-shape.ts";
import { expiryOf, hasTerms, NO_TERMS, type OrderTerms } from "./order-terms.ts";
import { triggerIfReached } from "./orders.ts";
import { bandProblem } from "./price-band.ts";
import { ticksBeyond } from "./price-margin.ts";
import { phaseProblem } from "./trading-phase.ts";

type Amended = CommandResult<"amend-order">;

/** What an order becomes. */
export interface Amendment {
  quantity: number;
  priceTicks: number;
  timeInForce: Order["timeInForce"];
  terms: OrderTerms | null;
  keepsPlace: boolean;
}

export function amendOrder(turn: Turn, command: Command<"amend-order">): Decision<Amended> {
  const { state } = turn;
  const order = state.orders.get(command.order);
  if (order === undefined || order.account !== command.account) {
    return reject("order-not-found", `no open order ${command.order} of this account`);
  }
  const amended = amendmentOf(turn, order, command);
  if (!amended.ok) return amended;
  const amendment = amended.result;
  if (amendment === null) return accept({ order: order.number, keptPlace: true });
  if (!amendment.keepsPlace) {
    const listed = instrumentOf(state, order.symbol);
    const { orderType, side, postOnly } = order;
    const { timeInForce, priceTicks } = amendment;
    const isInMarket =
      orderType === "limit" || (orderType === "stop_limit" && order.status === "open");
    const isRepriced = isInMarket && priceTicks !== order.priceTicks;
    const problem =
      phaseProblem(listed, { orderType, timeInForce, postOnly }) ??
      (isRepriced ? bandProblem(turn, listed, side, priceTicks) : null);
    if (problem !== null) return problem;
  }
  const plan = planAmended(turn, order, amendment);
  if (order.postOnly && plan.fills.length > 0) {
    return reject("invalid-order", "post_only order would take a resting order; reprice it");
  }
  const funds = amendedFunds(turn, order, amendment, plan, command.issueMissing ?? false);
  if (!funds.ok) return funds;
  const { postings, missingTokens } = funds.result;
  if (missingTokens > 0n) emitIssue(turn, order.account, order.symbol, missingTokens, true);
  emitAmended(turn, order, amendment, postings);
  if (!amendment.keepsPlace) {
    if (order.status === "open") executeOrder(turn, order, plan);
    else if (order.status === "waiting") triggerIfReached(turn, order);
  }
  return accept({ order: order.number, keptPlace: amendment.keepsPlace });
}

/** What the command makes of the order; null when it changes nothing. */
function amendmentOf(turn: Turn, order: Order, command: AmendOrder): Decision<Amendment | null> {
  const { state } = turn;
  const listed = instrumentOf(state, order.symbol);
  const terms = state.terms.get(order.number) ?? null;
  const problem = amendProblem(order, command, listed);
  if (problem !== null) return problem;
  const timeInForce = command.timeInForce ?? order.timeInForce;
  const stopTicks = command.stopTicks ?? terms?.stopTicks ?? null;
  const restated = command.timeInForce !== undefined || command.expiresAtMs !== undefined;
  const expiry = restated
    ? expiryOf({ timeInForce, expiresAtMs: command.expiresAtMs }, turn.nowMs)
    : accept(terms?.expiresAtMs ?? null);
  if (!expiry.ok) return expiry;
  const next: OrderTerms = { ...(terms ?? NO_TERMS), expiresAtMs: expiry.result, stopTicks };
  let priceTicks = command.priceTicks ?? order.priceTicks;
  if (next.slippageBps !== null && command.stopTicks !== undefined) {
    priceTicks = ticksBeyond(listed.instrument, order.side, command.stopTicks, next.slippageBps);
  }
  const quantity = amendedQuantity(turn, order, command.quantity ?? order.quantity, next);
  const isOtherwiseSame =
    priceTicks === order.priceTicks &&
    timeInForce === order.timeInForce &&
    stopTicks === (terms?.stopTicks ?? null) &&
    next.expiresAtMs === (terms?.expiresAtMs ?? null);
  if (isOtherwiseSame && quantity === order.quantity) return accept(null);
  return accept({
    quantity,
    priceTicks,
    timeInForce,
    terms: hasTerms(next) ? next : null,
    keepsPlace: isOtherwiseSame && quantity < order.quantity,
  });
}

/** A reduce_only order grows by what is free and no more. */
function amendedQuantity(
  { state }: Turn,
  { account, symbol, quantity }: Order,
  wanted: number,
  { reduceOnly }: OrderTerms,
): number {
  if (!reduceOnly || wanted <= quantity) return wanted;
  return Math.min(wanted, quantity + freeIncrements(state, instrumentOf(state, symbol), account));
}

function amendProblem(
  order: Order,
  command: AmendOrder,
  { instrument }: InstrumentState,
): ReturnType<typeof reject> | null {
  const { quantity, priceTicks, stopTicks, timeInForce } = command;
  const { orderIncrementsMax, priceTicksMax } = instrument;
  if (order.status === "triggered") {
    return reject("invalid-order", `order ${order.number} is entering the market; amend it then`);
  }
  // What such an ask holds is Lots by name: which of them to let go is its owner's to say.
  if (order.lots.length > 0) {
    return reject(
      "invalid-order",
      `order ${order.number} offers bought Units; cancel it and place another`,
    );
  }
  if (quantity !== undefined) {
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > orderIncrementsMax) {
      return reject(
        "invalid-quantity",
        `quantity of ${quantity} increments, expected 1 to ${orderIncrementsMax}`,
      );
    }
    if (quantity <= order.filled) {
      return reject(
        "invalid-quantity",
        `${order.filled} increments are filled already, ${quantity} in all leave nothing; cancel the order instead`,
      );
    }
  }
  if (priceTicks !== undefined && order.orderType === "stop") {
    return reject("invalid-order", "a stop order takes no price; amend its stop price");
  }
  if (stopTicks !== undefined && order.status !== "waiting") {
    return reject("invalid-order", `order ${order.number} does not wait for a stop price`);
  }
  for (const ticks of [priceTicks, stopTicks]) {
    if (ticks === undefined || isPrice(ticks, priceTicksMax)) continue;
    return reject("invalid-price", `price of ${ticks} ticks, expected 1 to ${priceTicksMax}`);
  }
  if (timeInForce === "ioc" || timeInForce === "fok") {
    return reject("invalid-order", `an open order cannot become ${timeInForce}; cancel it instead`);
  }
  return null;
}

/** What it would take when it enters again; nothing while it keeps its place or is not in the market. */
function planAmended(turn: Turn, order: Order, amendment: Amendment): MatchPlan {
  if (amendment.keepsPlace || order.status !== "open") return emptyPlan();
  return planMatch(turn.state, instrumentOf(turn.state, order.symbol), {
    account: order.account,
    side: order.side,
    limitTicks: amendment.priceTicks,
    quantity: amendment.quantity - order.filled,
    terms: amendment.terms,
    nowMs: turn.nowMs,
  });
}

/** The caller has checked it, and carries the change of what it holds. */
export function emitAmended(
  turn: Turn,
  order: Order,
  amendment: Amendment,
  postings: Posting[],
): void {
  turn.emit({
    type: "order-amended",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    order: order.number,
    quantity: amendment.quantity,
    priceTicks: amendment.priceTicks,
    timeInForce: amendment.timeInForce,
    terms: amendment.terms,
    keepsPlace: amendment.keepsPlace,
    postings,
  });
}
