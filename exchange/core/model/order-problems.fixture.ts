/** The naive market's rules of what an order must be; every reason to refuse one that applies. */
import type { PlaceOrder } from "#exchange/core/commands.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import { bandEdge, isOutOfBand, isThin } from "./bands.fixture.ts";
import * as m from "./market.fixture.ts";
import { line } from "./trading.fixture.ts";

type Model = m.Model;

/** The limit of an order that names none: the best price, or its stop price, and the policy's margin, or its own. */
export function protectedTicks(model: Model, order: PlaceOrder): number {
  const max = m.instrumentOf(model, order.symbol).priceTicksMax;
  const opposite = line(model, order.symbol, order.side === "buy" ? "sell" : "buy");
  const best = order.stopTicks ?? opposite[0]?.ticks;
  if (best === undefined) return order.side === "buy" ? 1 : max;
  const { safety } = model.policy;
  let bps = slippage(model, order);
  const looksAtBook = safety !== undefined && order.stopTicks === undefined;
  if (looksAtBook && isThin(model, order.symbol)) {
    model.tally.add("state: market order in a thin book");
    bps = Math.min(bps, safety.marketProtectionThinBps);
  }
  const margin = Math.floor((best * bps) / 10_000);
  const edge = looksAtBook ? bandEdge(model, order.symbol, order.side) : null;
  return order.side === "buy"
    ? Math.min(max, best + margin, edge ?? max)
    : Math.max(1, best - margin, edge ?? 1);
}

export const slippage = ({ policy }: Model, { maxSlippageBps }: PlaceOrder): number =>
  Math.min(policy.marketProtectionBps, maxSlippageBps ?? 10_000);

/** Whether it waits for a stop price. */
export const waits = ({ orderType }: PlaceOrder): boolean =>
  orderType === "stop" || orderType === "stop_limit";

const DAY_MS = 86_400_000;

/** When it is over: a day order at midnight, a gtd order when it says, which nothing else may. */
export function endAt(
  { nowMs }: Model,
  timeInForce: PlaceOrder["timeInForce"],
  saysMs: number | undefined,
): number | null | "wrong" {
  if (timeInForce === "gtd") {
    const isFine = saysMs !== undefined && saysMs > nowMs && saysMs - nowMs <= 90 * DAY_MS;
    return isFine ? saysMs : "wrong";
  }
  if (saysMs !== undefined) return "wrong";
  return timeInForce === "day" ? nowMs - (nowMs % DAY_MS) + DAY_MS : null;
}

/** What contradicts itself in the terms of an order. */
function contradicts(model: Model, order: PlaceOrder): boolean {
  return (
    endAt(model, order.timeInForce, order.expiresAtMs) === "wrong" ||
    (waits(order) ? order.postOnly : order.stopTicks !== undefined) ||
    (order.reduceOnly === true && (order.side === "buy" || order.issueMissing))
  );
}

/** A group has to be there, and not be tripped. */
export function groupProblems(
  model: Model,
  account: number,
  symbol: string,
  name: string,
): RejectionCode[] {
  const group = model.groups.find(
    (g) => g.account === account && g.symbol === symbol && g.name === name,
  );
  if (group === undefined) return ["invalid-order"];
  return group.tripped ? ["quote-group-tripped"] : [];
}

/** What a market takes depends on its phase. */
export function phaseProblems(
  model: Model,
  order: Pick<PlaceOrder, "symbol" | "timeInForce" | "postOnly"> & { isMarket: boolean },
): RejectionCode[] {
  const phase = m.phaseOf(model, order.symbol);
  if (phase === "active") return [];
  const endsAtOnce = order.timeInForce === "ioc" || order.timeInForce === "fok";
  const rests = !order.isMarket && !endsAtOnce && !order.postOnly;
  return phase === "auction" && rests ? [] : ["market-closed"];
}

function countProblems(model: Model, order: PlaceOrder): RejectionCode[] {
  const { safety } = model.policy;
  if (safety === undefined) return [];
  const here = model.orders.filter((o) => o.symbol === order.symbol);
  const open = here.filter((o) => o.account === order.account).length;
  const waiting = here.filter((o) => o.stage === "waiting").length;
  const isFull =
    open >= safety.openOrdersPerInstrumentMax ||
    (waits(order) && waiting >= safety.stopOrdersPerInstrumentMax);
  return isFull ? ["too-many-open-orders"] : [];
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
  codes.push(...countProblems(model, order));
  const isPlain = order.orderType === "limit" && order.priceTicks !== null;
  if (isPlain && isOutOfBand(model, order.symbol, order.side, order.priceTicks ?? 0)) {
    model.tally.add("state: order beyond the price band");
    codes.push("invalid-price");
  }
  // A stop order is not matched now, whatever it is then.
  const terms = waits(order) ? { ...order, timeInForce: "gtc" as const } : order;
  codes.push(...phaseProblems(model, { ...terms, isMarket: order.orderType === "market" }));
  if (isMarket && (order.priceTicks !== null || order.postOnly)) codes.push("invalid-order");
  const endsAtOnce = order.timeInForce === "ioc" || order.timeInForce === "fok";
  if (order.postOnly && endsAtOnce) codes.push("invalid-order");
  return codes;
}
