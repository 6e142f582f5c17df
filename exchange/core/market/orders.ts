/** Deciding on orders: every check before the first event, in the order the tests list them. */

import type { OfferedLot } from "#exchange/core/clearing/lot-events.ts";
import { wholeFreeTokens } from "#exchange/core/clearing/split.ts";
import type { Command, CommandResult, PlaceOrder } from "#exchange/core/commands.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { CoreState, InstrumentState, Order } from "#exchange/core/state.ts";
import { emitIssue } from "#exchange/core/supply/issuance.ts";
import { accept, type Decision, instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { emitTriggered } from "./fill-consequences.ts";
import { freeIncrements } from "./free-units.ts";
import { emptyPlan, executeOrder, type MatchPlan, planMatch } from "./matching.ts";
import { buyFunds, sellFunds } from "./order-funds.ts";
import { checkShape } from "./order-shape.ts";
import { asksForTerms, isStop, type OrderTerms, termsOf } from "./order-terms.ts";
import { bandProblem } from "./price-band.ts";
import { protectedTicks, slippageBpsOf } from "./protection-price.ts";
import { groupProblem } from "./quote-groups.ts";
import { emitOffered, lotsForSale } from "./resale.ts";
import { isReached } from "./stop-index.ts";

type Placed = CommandResult<"place-order">;

export function placeOrder(turn: Turn, command: Command<"place-order">): Decision<Placed> {
  const { state } = turn;
  const repeated = repeatedClientId(state, command);
  if (repeated !== null) return repeated;
  const prepared = prepareOrder(turn, command);
  if (!prepared.ok) return prepared;
  const { quantity, limitTicks, terms, plan, postings, missingTokens, lots } = prepared;
  if (missingTokens > 0n) emitIssue(turn, command.account, command.symbol, missingTokens, true);
  const order = emitAccepted(turn, command, quantity, limitTicks, postings);
  if (terms !== null) emitTerms(turn, order, terms);
  if (lots.length > 0) emitOffered(turn, order, lots);
  if (command.clientOrderId !== null) {
    turn.emit({
      type: "client-id-recorded",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      account: command.account,
      clientId: command.clientOrderId,
      digest: digestOf(command),
      result: { order: order.number, clientOrderId: command.clientOrderId },
    });
  }
  // Nothing has touched the book since the plan was made.
  if (isStop(order)) triggerIfReached(turn, order);
  else executeOrder(turn, order, plan);
  return accept({ order: order.number, clientOrderId: command.clientOrderId });
}

/** All that an order would do, before the first event. */
export interface PreparedOrder {
  ok: true;
  /** Of a reduce_only order: at most what is free. */
  quantity: number;
  limitTicks: number;
  terms: OrderTerms | null;
  plan: MatchPlan;
  postings: Posting[];
  missingTokens: bigint;
  /** Bought Units that it sells. */
  lots: OfferedLot[];
}

type Refusal = ReturnType<typeof reject>;

/** Checks an order against the market as it is; changes nothing. */
export function prepareOrder(turn: Turn, command: PlaceOrder): PreparedOrder | Refusal {
  const { state, nowMs } = turn;
  const shape = checkShape(state, command);
  if (!shape.ok) return shape;
  const listed = shape.result;
  let terms: OrderTerms | null = null;
  if (asksForTerms(command)) {
    const asked = termsOf(command, slippageBpsOf(state, command), nowMs);
    if (!asked.ok) return asked;
    terms = asked.result;
    const group = terms?.group ?? null;
    const problem = group && groupProblem(state, command.account, command.symbol, group);
    if (problem) return problem;
  }
  const quantity = terms?.reduceOnly
    ? Math.min(command.quantity, sellableIncrements(turn, listed, command))
    : command.quantity;
  if (quantity < 1) {
    return reject("insufficient-units", `no Units of ${command.symbol} are free to reduce`);
  }
  const limitTicks = command.priceTicks ?? protectedTicks(turn, listed, command);
  if (command.orderType === "limit") {
    const problem = bandProblem(turn, listed, command.side, limitTicks);
    if (problem !== null) return problem;
  }
  const wanted = quantity === command.quantity ? command : { ...command, quantity };
  const plan = isStop(command)
    ? emptyPlan()
    : planMatch(state, listed, {
        account: command.account,
        side: command.side,
        limitTicks,
        quantity,
        terms,
        nowMs,
      });
  if (command.postOnly && plan.fills.length > 0) {
    return reject("invalid-order", "post_only order would take a resting order; reprice it");
  }
  const funds =
    command.side === "buy"
      ? buyFunds(turn, wanted, listed, limitTicks, plan)
      : sellFunds(turn, wanted, listed, limitTicks, plan);
  if (!funds.ok) return funds;
  const { postings, missingTokens, lots } = funds.result;
  return { ok: true, quantity, limitTicks, terms, plan, postings, missingTokens, lots };
}

/** Whole increments that the account could sell now without issuing: of issued Units, else of bought ones. */
function sellableIncrements(turn: Turn, listed: InstrumentState, command: PlaceOrder): number {
  const lots = lotsForSale(turn, command);
  if (lots === null) return freeIncrements(turn.state, listed, command.account);
  const { incrementTokens } = listed.instrument;
  return lots.reduce((sum, lot) => sum + wholeFreeTokens(turn.state, lot) / incrementTokens, 0);
}

/** The content an idempotent repeat must match. */
function digestOf(command: PlaceOrder): string {
  // Joined and not a template: this is kept for a day, and a template keeps its parts with it.
  const content = [
    command.symbol,
    command.side,
    command.orderType,
    command.timeInForce,
    command.quantity,
    command.priceTicks,
    command.maxSlippageBps,
    command.postOnly,
  ].join("|");
  // Of the other orders as it was before there were terms: ids outlive an upgrade.
  return asksForTerms(command) ? [content, ...asked(command)].join("|") : content;
}

const asked = (command: PlaceOrder): unknown[] => [
  command.expiresAtMs,
  command.stopTicks,
  command.reduceOnly ?? false,
  command.selfTrade ?? "cancel-newest",
  command.session,
  command.group,
];

function repeatedClientId(
  state: CoreState,
  command: Command<"place-order">,
): Decision<Placed> | null {
  if (command.clientOrderId === null) return null;
  const known = state.clientIds.get(`${command.account}:${command.clientOrderId}`);
  if (known === undefined) {
    const used = state.clientIdCounts.get(command.account) ?? 0;
    const max = policyOf(state).clientIdsPerAccountMax;
    if (used < max) return null;
    return reject(
      "client-ids-exhausted",
      `${used} client order ids were used in the last 24 h, at most ${max}; leave it out or wait`,
    );
  }
  if (known.digest === digestOf(command)) return accept(known.result as unknown as Placed);
  return reject(
    "client-order-id-reused",
    `client_order_id "${command.clientOrderId}" was used for another order within 24 h; choose a new one`,
  );
}

/** Accepts an order whose funds were checked. */
export function emitAccepted(
  turn: Turn,
  command: PlaceOrder,
  quantity: number,
  limitTicks: number,
  postings: Posting[],
): Order {
  const number = turn.state.counters.order + 1;
  turn.emit({
    type: "order-accepted",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    order: {
      number,
      account: command.account,
      symbol: command.symbol,
      side: command.side,
      orderType: command.orderType,
      timeInForce: command.timeInForce,
      source: command.issueMissing ? "agent" : "trader",
      quantity,
      priceTicks: limitTicks,
      clientOrderId: command.clientOrderId,
      postOnly: command.postOnly,
      placedAtMs: turn.nowMs,
    },
    postings,
  });
  const order = turn.state.orders.get(number);
  if (order === undefined) throw new Error(`order ${number} was accepted and is not there`);
  return order;
}

export function emitTerms(turn: Turn, order: Order, terms: OrderTerms): void {
  turn.emit({
    type: "order-terms-set",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    order: order.number,
    terms,
  });
}

/** A stop price that the last trade has reached already lets the order in at once. */
export function triggerIfReached(turn: Turn, order: Order): void {
  const listed = instrumentOf(turn.state, order.symbol);
  const stopTicks = turn.state.terms.get(order.number)?.stopTicks ?? null;
  // Of the fills that trigger: cover's do not.
  const lastTicks = listed.recentFills.at(-1)?.priceTicks;
  if (stopTicks === null || lastTicks === undefined) return;
  if (!isReached(order.side, stopTicks, lastTicks)) return;
  emitTriggered(turn, listed, lastTicks, [order.number]);
}
