/** The naive market's rules of what an order must be; every reason to refuse one that applies. */
import type { PlaceOrder } from "#exchange/core/commands.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import * as m from "./market.fixture.ts";
import { line } from "./trading.fixture.ts";

type Model = m.Model;

/** The limit of an order that names none: the best price, or its stop price, and the policy's margin, or its own. */
export function protectedTicks(model: Model, order: PlaceOrder): number {
  const max = m.instrumentOf(model, order.symbol).priceTicksMax;
  const opposite = line(model, order.symbol, order.side === "buy" ? "sell" : "buy");
  const best = order.stopTicks ?? opposite[0]?.ticks;
  if (best === undefined) return order.side === "buy" ? 1 : max;
  const bps = Math.min(model.policy.marketProtectionBps, order.maxSlippageBps ?? 10_000);
  const margin = Math.floor((best * bps) / 10_000);
  return order.side === "buy" ? Math.min(max, best + margin) : Math.max(1, best - margin);
}

/** Whether it waits for a stop price. */
export const waits = ({ orderType }: PlaceOrder): boolean =>
  orderType === "stop" || orderType === "stop_limit";

const DAY_MS = 86_400_000;

/** When it is over: a day order at midnight, a gtd order when it says. */
export function endOf({ nowMs }: Model, order: PlaceOrder): number | null {
  if (order.timeInForce === "day") return nowMs - (nowMs % DAY_MS) + DAY_MS;
  return order.timeInForce === "gtd" ? (order.expiresAtMs ?? null) : null;
}

/** What contradicts itself in the terms of an order. */
function contradicts(model: Model, order: PlaceOrder): boolean {
  const { timeInForce, expiresAtMs } = order;
  const dated = timeInForce === "gtd";
  const future = expiresAtMs !== undefined && expiresAtMs > model.nowMs;
  return (
    (dated ? !future || expiresAtMs - model.nowMs > 90 * DAY_MS : expiresAtMs !== undefined) ||
    (waits(order) ? order.postOnly : order.stopTicks !== undefined) ||
    (order.reduceOnly === true && (order.side === "buy" || order.issueMissing))
  );
}

export function shapeProblems(model: Model, order: PlaceOrder): RejectionCode[] {
  const codes: RejectionCode[] = [];
  const ids = model.clientIds.filter((known) => known.order.account === order.account);
  if (order.clientOrderId !== null && ids.length >= model.policy.clientIdsPerAccountMax) {
    codes.push("client-ids-exhausted");
  }
  const account = model.accounts.find((a) => a.number === order.account);
  if (account === undefined) codes.push("account-not-found");
  if (account?.mode === "easy") codes.push("auto-mode-trading-restricted");
  const open = model.orders.filter((o) => o.account === order.account);
  if (open.length >= model.policy.openOrdersPerAccountMax) codes.push("too-many-open-orders");
  const instrument = model.instruments.find((i) => i.symbol === order.symbol);
  if (instrument === undefined) return [...codes, "instrument-not-found"];
  const isWithin = (value: number | null, max: number) =>
    value !== null && Number.isInteger(value) && value >= 1 && value <= max;
  if (!isWithin(order.quantity, instrument.orderIncrementsMax)) codes.push("invalid-quantity");
  const isMarket = order.orderType === "market" || order.orderType === "stop";
  if (!isMarket && !isWithin(order.priceTicks, instrument.priceTicksMax)) {
    codes.push("invalid-price");
  }
  if (waits(order) && !isWithin(order.stopTicks ?? null, instrument.priceTicksMax)) {
    codes.push("invalid-price");
  }
  if (contradicts(model, order)) codes.push("invalid-order");
  if (isMarket && (order.priceTicks !== null || order.postOnly)) codes.push("invalid-order");
  if (order.postOnly && order.timeInForce !== "gtc") codes.push("invalid-order");
  return codes;
}
