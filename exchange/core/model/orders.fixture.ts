/** The naive market's rules of orders: what is refused, who trades with whom, what it costs. */
import type { Command, PlaceOrder } from "#exchange/core/commands.ts";
import * as m from "./market.fixture.ts";
import {
  endAt,
  groupProblems,
  protectedTicks,
  shapeProblems,
  slippage,
  waits,
} from "./order-problems.fixture.ts";
import { lotIncrements, lotsFor } from "./resale.fixture.ts";
import { triggerAtOnce } from "./stops.fixture.ts";
import { close, enter, open, reach, valueOfFills } from "./trading.fixture.ts";

type Model = m.Model;

const contentOf = ({ account: _a, clientOrderId: _c, issueMissing: _i, ...content }: PlaceOrder) =>
  JSON.stringify(Object.entries(content).sort());

export function place(model: Model, order: Command<"place-order">): m.Outcome {
  const known = model.clientIds.find(
    (id) =>
      id.order.account === order.account &&
      id.order.clientOrderId !== null &&
      id.order.clientOrderId === order.clientOrderId,
  );
  if (known !== undefined) {
    const same = contentOf(known.order) === contentOf(order);
    model.tally.add(`state: client order id sent again, ${same ? "same" : "other"} content`);
    if (!same) return m.refused("client-order-id-reused");
    return m.accepted({ order: known.number, clientOrderId: order.clientOrderId });
  }
  const codes = shapeProblems(model, order);
  const group = order.group ?? null;
  if (group !== null) codes.push(...groupProblems(model, order.account, order.symbol, group));
  const isListed = model.instruments.some(({ symbol: listed }) => listed === order.symbol);
  const reduces = order.reduceOnly === true && isListed;
  if (reduces && toSell(model, order) < 1) codes.push("insufficient-units");
  if (codes.length > 0) return m.refused(...codes);

  const { account, symbol, side } = order;
  const quantity = order.reduceOnly
    ? Math.min(order.quantity, toSell(model, order))
    : order.quantity;
  const ticks = order.priceTicks ?? protectedTicks(model, order);
  const named = order.orderType === "limit" || order.orderType === "stop_limit";
  const rests = named && order.timeInForce !== "ioc" && order.timeInForce !== "fok";
  const mode = order.selfTrade ?? "cancel-newest";
  const { fills } = waits(order)
    ? { fills: [] }
    : reach(model, { account, symbol, side, ticks, mode, wanted: quantity });
  const holdsAll = rests || waits(order);
  if (order.postOnly && fills.length > 0) codes.push("invalid-order");

  const limitValue = m.worth(model, symbol, ticks, quantity);
  const taken = valueOfFills(model, symbol, fills);
  const filledAtOnce = m.count(fills.map((fill) => fill.quantity));
  let hold: bigint;
  let missing = 0;
  let lots: m.ModelOrder["lots"] = [];
  const offer = side === "sell" ? lotsFor(model, { ...order, quantity }) : "issued";
  if (offer !== "issued") {
    hold = 0n;
    if (offer === null) codes.push("insufficient-units");
    else lots = offer;
  } else if (side === "buy") {
    hold = m.withFee(model, holdsAll ? limitValue : taken);
    if (hold > m.freeMoney(model, account)) codes.push("insufficient-balance");
  } else {
    // Each Lot needs its margin at the bid's price; what ends at once holds none for the rest.
    const margins = fills.map(({ maker, quantity: filled }) =>
      m.marginOf(model, m.worth(model, symbol, maker.ticks, filled)),
    );
    const rest = holdsAll ? quantity - filledAtOnce : 0;
    const margin = (many: number) => m.marginOf(model, m.worth(model, symbol, ticks, many));
    hold = margin(filledAtOnce + rest);
    if (m.sum(margins) + margin(rest) > m.freeBond(model, account)) codes.push("insufficient-bond");
    const { unsold } = m.supplyOf(model, account, symbol);
    missing = Math.max(0, m.tokensOf(model, symbol, quantity) - sellable(model, account, symbol));
    if (missing > 0 && !order.issueMissing) codes.push("insufficient-units");
    const outstanding = unsold + m.owedBy(model, account, symbol);
    if (missing > 0 && outstanding + missing > m.issuanceLimit(model, account, symbol)) {
      codes.push("capacity-exceeded");
    }
    if (!m.canServe(model, account, symbol)) codes.push("node-not-connected");
    const fee = m.shareUp(taken, model.policy.takerFeeBps);
    if (fee > m.freeMoney(model, account)) codes.push("insufficient-balance");
    if (m.accountOf(model, account).debt > 0n) codes.push("insufficient-bond");
  }
  if (codes.length > 0) return m.refused(...codes);

  if (missing > 0) issue(model, account, symbol, missing);
  const fillOrKill = order.timeInForce === "fok";
  const expiresMs = endAt(model, order.timeInForce, order.expiresAtMs) as number | null;
  const stopTicks = order.stopTicks ?? null;
  const protection = order.orderType === "stop" ? slippage(model, order) : null;
  const reduceOnly = order.reduceOnly ?? false;
  const placed = open(model, {
    ...{ ...order, quantity, ticks, hold, rests, fillOrKill, mode, expiresMs, stopTicks },
    lots,
    ...{ tif: order.timeInForce, protection, reduceOnly, group },
    ...{ session: order.session ?? null, isLimit: order.orderType === "limit" },
  });
  if (order.clientOrderId !== null) {
    model.clientIds.push({ order, number: placed.number, atMs: model.nowMs });
  }
  if (waits(order)) triggerAtOnce(model, placed);
  else enter(model, placed);
  return m.accepted({ order: placed.number, clientOrderId: order.clientOrderId });
}

export const sellable = (model: Model, account: number, symbol: string): number => {
  const { unsold, inIssuance } = m.supplyOf(model, account, symbol);
  return unsold - inIssuance - m.onOffer(model, account, symbol);
};
/** Bought Units where it has no others, else issued ones. */
const toSell = (model: Model, order: PlaceOrder): number =>
  lotIncrements(model, order) ?? freeIncrements(model, order.account, order.symbol);

export const freeIncrements = (model: Model, account: number, symbol: string): number =>
  Math.floor(sellable(model, account, symbol) / m.instrumentOf(model, symbol).incrementTokens);

export function issue(model: Model, account: number, symbol: string, tokens: number): number {
  const supply = m.supplyOf(model, account, symbol);
  supply.unsold += tokens;
  supply.issuedEver += tokens;
  model.counts.issuance += 1;
  return model.counts.issuance;
}

export function cancel(model: Model, command: Command<"cancel-order">): m.Outcome {
  const isAuto = model.accounts.some((a) => a.number === command.account && a.mode === "easy");
  if (isAuto) return m.refused("auto-mode-trading-restricted");
  const order = model.orders.find((o) => o.number === command.order);
  if (order?.account !== command.account) return m.refused("order-not-found");
  close(model, order);
  return m.accepted({ order: order.number });
}

export function cancelAll(model: Model, command: Command<"cancel-orders">): m.Outcome {
  const { account, symbol } = command;
  if (!model.accounts.some((a) => a.number === account)) return m.refused("account-not-found");
  const open = model.orders.filter(
    (o) => o.account === account && (symbol === null || o.symbol === symbol),
  );
  for (const order of open) close(model, order);
  return m.accepted({ cancelled: open.length });
}
