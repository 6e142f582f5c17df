/**
 * What an order asks for beyond side, price and quantity. Most orders ask for none of it, so terms
 * stand in a table of their own, and an order without has no row there.
 */
import { nextSweepMs } from "#exchange/core/clearing/sweep-times.ts";
import type { PlaceOrder } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { ClosureReason, CoreState, Order } from "#exchange/core/state.ts";
import { accept, type Decision } from "#exchange/core/turn.ts";

/**
 * What ends where an order meets one of its own owner: the one that comes, the one that rests, or both.
 * The one that comes decides.
 */
export const SELF_TRADE_MODES = ["cancel-newest", "cancel-oldest", "cancel-both"] as const;
export type SelfTradeMode = (typeof SELF_TRADE_MODES)[number];

export interface OrderTerms {
  /** From this moment on it is over; null: until it is cancelled. */
  expiresAtMs: number | null;
  /** Of a stop order: the last trade's price that lets it in. */
  stopTicks: number | null;
  /** Of a `stop` order: how far from its stop price it may trade. */
  slippageBps: number | null;
  /** Sells what is free and no more. */
  reduceOnly: boolean;
  selfTrade: SelfTradeMode;
  /** Cancelled when this session of its owner ends. */
  session: string | null;
  /** One of the quotes whose fills are counted together. */
  group: string | null;
  /** Its turn among stop orders of one price; null while it is none. */
  waitsSinceSeq: number | null;
}

/** The terms of an order that asks for nothing. */
export const NO_TERMS: Readonly<OrderTerms> = {
  expiresAtMs: null,
  stopTicks: null,
  slippageBps: null,
  reduceOnly: false,
  selfTrade: "cancel-newest",
  session: null,
  group: null,
  waitsSinceSeq: null,
};

/** Longest that a `gtd` order may be meant to stay: 90 days. */
export const GTD_MS_MAX = 90 * 24 * 3_600_000;
/** Of names that a client chooses: of a session, of a quote group. */
export const NAME_LENGTH_MAX = 64;

const DAY_MS = 24 * 3_600_000;

type Shape = Pick<Order, "orderType" | "timeInForce">;

/** Whether what it does not trade at once stays in the book. */
export function canRest({ orderType, timeInForce }: Shape): boolean {
  if (timeInForce === "ioc" || timeInForce === "fok") return false;
  return orderType === "limit" || orderType === "stop_limit";
}

/** Whether it waits for its stop price first. */
export function isStop({ orderType }: Pick<Shape, "orderType">): boolean {
  return orderType === "stop" || orderType === "stop_limit";
}

/** Whether it holds for all of its quantity at its limit: what can rest does, and what has to wait. */
export function holdsWhole(shape: Shape): boolean {
  return canRest(shape) || isStop(shape);
}

/** Whether an order's time is over, though it may still be in the book: its turn to be cancelled comes. */
export function isOver(state: CoreState, order: Order, nowMs: number): boolean {
  // Bought Units are swept from under it.
  if (order.lots.length > 0 && nextSweepMs(order.placedAtMs) <= nowMs) return true;
  if (order.timeInForce !== "day" && order.timeInForce !== "gtd") return false;
  const expiresAtMs = state.terms.get(order.number)?.expiresAtMs ?? null;
  return expiresAtMs !== null && expiresAtMs <= nowMs;
}

/** Why an order whose time is over ends. */
export function overReason({ lots }: Order): ClosureReason {
  return lots.length > 0 ? "swept" : "expired";
}

/** When an order of that time in force is over: a `day` order at the next 00:00 UTC. */
export function expiryOf(
  { timeInForce, expiresAtMs }: Pick<PlaceOrder, "timeInForce" | "expiresAtMs">,
  nowMs: number,
): Decision<number | null> {
  if (timeInForce !== "gtd" && expiresAtMs !== undefined) {
    return reject(
      "invalid-order",
      `an expiry belongs to time_in_force gtd, got ${timeInForce}; leave it out`,
    );
  }
  if (timeInForce === "day") return accept((Math.floor(nowMs / DAY_MS) + 1) * DAY_MS);
  if (timeInForce !== "gtd") return accept(null);
  if (expiresAtMs === undefined || !Number.isInteger(expiresAtMs) || expiresAtMs <= nowMs) {
    return reject(
      "invalid-order",
      `time_in_force gtd needs an expiry in the future in whole milliseconds, got ${expiresAtMs}`,
    );
  }
  if (expiresAtMs - nowMs > GTD_MS_MAX) {
    return reject(
      "invalid-order",
      `the expiry is more than ${GTD_MS_MAX / DAY_MS} days away; use gtc or an earlier one`,
    );
  }
  return accept(expiresAtMs);
}

/** Whether an order says anything that terms could come of. */
export function asksForTerms(command: PlaceOrder): boolean {
  return (
    command.timeInForce === "day" ||
    command.timeInForce === "gtd" ||
    command.expiresAtMs !== undefined ||
    command.stopTicks !== undefined ||
    command.reduceOnly !== undefined ||
    command.selfTrade !== undefined ||
    command.session !== undefined ||
    command.group !== undefined
  );
}

/** A new order's terms, or null when it has none. Refuses what contradicts itself. */
export function termsOf(
  command: PlaceOrder,
  slippageBps: number,
  nowMs: number,
): Decision<OrderTerms | null> {
  const problem = termsProblem(command);
  if (problem !== null) return reject("invalid-order", problem);
  const expiry = expiryOf(command, nowMs);
  if (!expiry.ok) return expiry;
  const terms: OrderTerms = {
    expiresAtMs: expiry.result,
    stopTicks: command.stopTicks ?? null,
    slippageBps: command.orderType === "stop" ? slippageBps : null,
    reduceOnly: command.reduceOnly ?? false,
    selfTrade: command.selfTrade ?? "cancel-newest",
    session: command.session ?? null,
    group: command.group ?? null,
    waitsSinceSeq: null,
  };
  return accept(hasTerms(terms) ? terms : null);
}

/** Whether there is anything to keep. */
export function hasTerms(terms: OrderTerms): boolean {
  return (
    terms.expiresAtMs !== null ||
    terms.stopTicks !== null ||
    terms.reduceOnly ||
    terms.selfTrade !== "cancel-newest" ||
    terms.session !== null ||
    terms.group !== null
  );
}

function termsProblem(command: PlaceOrder): string | null {
  const { side, orderType, stopTicks, reduceOnly, selfTrade } = command;
  if (isStop(command) && command.postOnly) return "a stop order cannot be post_only";
  if (!isStop(command) && stopTicks !== undefined) {
    return `a stop price belongs to stop and stop_limit, got ${orderType}; leave it out`;
  }
  if (reduceOnly === true && side === "buy") {
    return "a reduce_only order sells, it cannot buy; leave the flag out";
  }
  if (reduceOnly === true && command.issueMissing) {
    return "a reduce_only order sells free Units and issues none";
  }
  if (selfTrade !== undefined && !SELF_TRADE_MODES.includes(selfTrade)) {
    return `self-trade mode "${selfTrade}", expected one of ${SELF_TRADE_MODES.join(", ")}`;
  }
  for (const name of [command.session, command.group]) {
    if (name === undefined || (name !== "" && name.length <= NAME_LENGTH_MAX)) continue;
    return `a session or group has 1 to ${NAME_LENGTH_MAX} characters, got ${name.length}`;
  }
  return null;
}
