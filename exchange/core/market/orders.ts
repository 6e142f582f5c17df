/** Deciding on orders: every check before the first event, in the order the tests list them. */

import type { Command, CommandResult, PlaceOrder } from "#exchange/core/commands.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { Account, CoreState, InstrumentState, Order } from "#exchange/core/state.ts";
import { emitIssue } from "#exchange/core/supply/issuance.ts";
import { accept, accountOf, type Decision, policyOf, type Turn } from "#exchange/core/turn.ts";
import { closeOrder } from "./closing.ts";
import { executeOrder, planMatch } from "./matching.ts";
import { BUY, SELL } from "./order-book-port.ts";
import { buyFunds, sellFunds } from "./order-funds.ts";
import { emitOffered } from "./resale.ts";

type Placed = CommandResult<"place-order">;

export function placeOrder(turn: Turn, command: Command<"place-order">): Decision<Placed> {
  const { state } = turn;
  const repeated = repeatedClientId(state, command);
  if (repeated !== null) return repeated;
  const shape = checkShape(state, command);
  if (!shape.ok) return shape;
  const listed = shape.result;
  const limitTicks = command.priceTicks ?? protectionTicks(state, listed, command);
  const plan = planMatch(state, listed, {
    account: command.account,
    side: command.side,
    limitTicks,
    quantity: command.quantity,
  });
  if (command.postOnly && plan.fills.length > 0) {
    return reject("invalid-order", "post_only order would take a resting order; reprice it");
  }
  const funds =
    command.side === "buy"
      ? buyFunds(turn, command, listed, limitTicks, plan)
      : sellFunds(turn, command, listed, limitTicks, plan);
  if (!funds.ok) return funds;

  const { postings, missingTokens, lots } = funds.result;
  if (missingTokens > 0n) emitIssue(turn, command.account, command.symbol, missingTokens, true);
  const order = emitAccepted(turn, command, limitTicks, postings);
  if (lots !== undefined) emitOffered(turn, order, lots, listed);
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
  executeOrder(turn, order, plan);
  return accept({ order: order.number, clientOrderId: command.clientOrderId });
}

/** The content an idempotent repeat must match. */
function digestOf(command: PlaceOrder): string {
  // Joined and not a template: this is kept for a day, and a template keeps its parts with it.
  return [
    command.symbol,
    command.side,
    command.orderType,
    command.timeInForce,
    command.quantity,
    command.priceTicks,
    command.maxSlippageBps,
    command.postOnly,
  ].join("|");
}

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

function checkShape(state: CoreState, command: PlaceOrder): Decision<InstrumentState> {
  const account = state.accounts.get(command.account);
  if (account === undefined) {
    return reject("account-not-found", `account ${command.account} does not exist`);
  }
  const listed = state.instruments.get(command.symbol);
  if (listed === undefined) {
    return reject("instrument-not-found", `no instrument "${command.symbol}"`);
  }
  const restricted = restrictedProblem(account);
  if (restricted !== null) return restricted;
  const policy = policyOf(state);
  if (account.openOrders.size >= policy.openOrdersPerAccountMax) {
    return reject(
      "too-many-open-orders",
      `${account.openOrders.size} orders are open, at most ${policy.openOrdersPerAccountMax}; cancel some`,
    );
  }
  const { orderIncrementsMax, priceTicksMax } = listed.instrument;
  const { quantity, priceTicks } = command;
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > orderIncrementsMax) {
    return reject(
      "invalid-quantity",
      `quantity of ${quantity} increments, expected 1 to ${orderIncrementsMax}`,
    );
  }
  if (command.orderType === "limit") {
    if (
      priceTicks === null ||
      !Number.isInteger(priceTicks) ||
      priceTicks < 1 ||
      priceTicks > priceTicksMax
    ) {
      return reject(
        "invalid-price",
        `price of ${priceTicks} ticks, expected 1 to ${priceTicksMax}`,
      );
    }
  } else {
    if (priceTicks !== null) return reject("invalid-order", "a market order takes no price");
    if (command.postOnly) return reject("invalid-order", "a market order cannot be post_only");
  }
  if (command.postOnly && command.timeInForce !== "gtc") {
    return reject("invalid-order", `post_only needs time_in_force gtc, got ${command.timeInForce}`);
  }
  return accept(listed);
}

/** As published, no order command of an account in Auto Mode is taken; it has no open order. */
function restrictedProblem(account: Account | undefined): ReturnType<typeof reject> | null {
  if (account?.mode !== "easy") return null;
  return reject(
    "auto-mode-trading-restricted",
    "the account is in Auto Mode, which buys by itself; switch to Advanced Mode to place orders",
  );
}

/** The worst price a market order may take: the best price and the policy's margin, or a tighter one. */
function protectionTicks(state: CoreState, listed: InstrumentState, command: PlaceOrder): number {
  const best = listed.book.bestPriceTicks(command.side === "buy" ? SELL : BUY);
  if (best === null) return command.side === "buy" ? 1 : listed.instrument.priceTicksMax;
  const bps = Math.min(
    policyOf(state).marketProtectionBps,
    command.maxSlippageBps ?? Number.MAX_SAFE_INTEGER,
  );
  const margin = Math.floor((best * bps) / 10_000);
  if (command.side === "sell") return Math.max(1, best - margin);
  return Math.min(listed.instrument.priceTicksMax, best + margin);
}

function emitAccepted(
  turn: Turn,
  command: PlaceOrder,
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
      quantity: command.quantity,
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

export function cancelOrder(
  turn: Turn,
  command: Command<"cancel-order">,
): Decision<CommandResult<"cancel-order">> {
  const restricted = restrictedProblem(turn.state.accounts.get(command.account));
  if (restricted !== null) return restricted;
  const order = turn.state.orders.get(command.order);
  if (order === undefined || order.account !== command.account) {
    return reject("order-not-found", `no open order ${command.order} of this account`);
  }
  closeOrder(turn, order, "cancelled", "cancelled");
  return accept({ order: command.order });
}

export function cancelOrders(
  turn: Turn,
  command: Command<"cancel-orders">,
): Decision<CommandResult<"cancel-orders">> {
  if (!turn.state.accounts.has(command.account)) {
    return reject("account-not-found", `account ${command.account} does not exist`);
  }
  const open = [...accountOf(turn.state, command.account).openOrders].sort((a, b) => a - b);
  let cancelled = 0;
  for (const number of open) {
    const order = turn.state.orders.get(number);
    if (order === undefined || (command.symbol !== null && order.symbol !== command.symbol))
      continue;
    closeOrder(turn, order, "cancelled", "cancelled");
    cancelled += 1;
  }
  return accept({ cancelled });
}
