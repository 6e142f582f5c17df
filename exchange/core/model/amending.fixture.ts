/** The naive market's rules of amending: what stays, what is held then, who loses its place. */
import type { Command } from "#exchange/core/commands.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import { isOutOfBand } from "./bands.fixture.ts";
import * as m from "./market.fixture.ts";
import { endAt, phaseProblems } from "./order-problems.fixture.ts";
import { freeIncrements, issue, sellable } from "./orders.fixture.ts";
import { triggerAtOnce } from "./stops.fixture.ts";
import { dueFee, enter, reach, valueOfFills } from "./trading.fixture.ts";

type Model = m.Model;
type Amend = Command<"amend-order">;

function problems(model: Model, order: m.ModelOrder, command: Amend): RejectionCode[] {
  const codes: RejectionCode[] = [];
  const { quantity, priceTicks, stopTicks, timeInForce } = command;
  const { orderIncrementsMax, priceTicksMax } = m.instrumentOf(model, order.symbol);
  const isWithin = (value: number, max: number) =>
    Number.isInteger(value) && value >= 1 && value <= max;
  if (order.stage === "triggered" || order.lots.length > 0) codes.push("invalid-order");
  if (quantity !== undefined) {
    const leaves = isWithin(quantity, orderIncrementsMax) && quantity > order.filled;
    if (!leaves) codes.push("invalid-quantity");
  }
  if (priceTicks !== undefined && order.protection !== null) codes.push("invalid-order");
  if (stopTicks !== undefined && order.stage !== "waiting") codes.push("invalid-order");
  for (const ticks of [priceTicks, stopTicks]) {
    if (ticks !== undefined && !isWithin(ticks, priceTicksMax)) codes.push("invalid-price");
  }
  if (timeInForce === "ioc" || timeInForce === "fok") codes.push("invalid-order");
  return codes;
}

export function amend(model: Model, command: Amend): m.Outcome {
  const order = model.orders.find((o) => o.number === command.order);
  if (order?.account !== command.account) return m.refused("order-not-found");
  const codes = problems(model, order, command);
  const restates = command.timeInForce !== undefined || command.expiresAtMs !== undefined;
  const tif = command.timeInForce ?? order.tif;
  const { expiresAtMs } = command;
  const expiresMs = restates ? endAt(model, tif, expiresAtMs) : order.expiresMs;
  if (expiresMs === "wrong") codes.push("invalid-order");
  if (codes.length > 0 || expiresMs === "wrong") return m.refused(...codes);

  const { account, symbol, side } = order;
  const stopTicks = command.stopTicks ?? order.stopTicks;
  const max = m.instrumentOf(model, symbol).priceTicksMax;
  let ticks = command.priceTicks ?? order.ticks;
  if (command.stopTicks !== undefined && order.protection !== null) {
    const margin = Math.floor((command.stopTicks * order.protection) / 10_000);
    ticks =
      side === "buy"
        ? Math.min(max, command.stopTicks + margin)
        : Math.max(1, command.stopTicks - margin);
  }
  let quantity = command.quantity ?? order.quantity;
  if (order.reduceOnly && quantity > order.quantity) {
    quantity = Math.min(quantity, order.quantity + freeIncrements(model, account, symbol));
  }
  const wanted = { quantity, ticks, tif, expiresMs, stopTicks };
  const changed = Object.entries(wanted).filter(
    ([name, value]) => order[name as keyof typeof wanted] !== value,
  );
  const answer = (keptPlace: boolean) => m.accepted({ order: order.number, keptPlace });
  if (changed.length === 0) return answer(true);
  const keepsPlace = changed.length === 1 && quantity < order.quantity;
  model.tally.add(`state: ${order.stage} order amended, place ${keepsPlace ? "kept" : "lost"}`);

  if (!keepsPlace) {
    const shape = { symbol, timeInForce: tif, postOnly: order.postOnly, isMarket: false };
    codes.push(
      ...phaseProblems(model, order.stage === "waiting" ? { ...shape, timeInForce: "gtc" } : shape),
    );
    const isInMarket = order.isLimit || (order.stage === "open" && order.protection === null);
    const reprices = isInMarket && ticks !== order.ticks;
    if (reprices && isOutOfBand(model, symbol, side, ticks)) codes.push("invalid-price");
  }
  const left = quantity - order.filled;
  const enters = !keepsPlace && order.stage === "open";
  const { mode } = order;
  const { fills } = enters
    ? reach(model, { account, symbol, side, ticks, mode, wanted: left })
    : { fills: [] };
  if (order.postOnly && fills.length > 0) codes.push("invalid-order");
  const value = m.worth(model, symbol, ticks, left);
  let hold: bigint;
  let missing = 0;
  if (side === "buy") {
    hold = value + dueFee(order, value, order.share);
    if (hold > m.freeMoney(model, account) + order.hold) codes.push("insufficient-balance");
  } else {
    hold = m.shareUp(value, order.share);
    const lots = fills.map(({ maker, quantity: filled }) =>
      m.marginOf(model, m.worth(model, symbol, maker.ticks, filled)),
    );
    const rest = left - m.count(fills.map((fill) => fill.quantity));
    const needed = m.sum(lots) + m.shareUp(m.worth(model, symbol, ticks, rest), order.share);
    if (m.larger(hold, needed) > m.freeBond(model, account) + order.hold) {
      codes.push("insufficient-bond");
    }
    const more = m.tokensOf(model, symbol, quantity - order.quantity);
    if (more > 0) {
      missing = Math.max(0, more - sellable(model, account, symbol));
      if (missing > 0 && !command.issueMissing) codes.push("insufficient-units");
      const outstanding =
        m.supplyOf(model, account, symbol).unsold + m.owedBy(model, account, symbol);
      if (missing > 0 && outstanding + missing > m.issuanceLimit(model, account, symbol)) {
        codes.push("capacity-exceeded");
      }
      if (!m.canServe(model, account, symbol)) codes.push("node-not-connected");
      if (m.accountOf(model, account).debt > 0n) codes.push("insufficient-bond");
    }
    const fee = dueFee(order, valueOfFills(model, symbol, fills), model.policy.takerFeeBps);
    if (fee > m.freeMoney(model, account)) codes.push("insufficient-balance");
  }
  if (codes.length > 0) return m.refused(...codes);

  if (missing > 0) issue(model, account, symbol, missing);
  Object.assign(order, wanted, { hold });
  // What was to be all or nothing is not any more.
  if (command.timeInForce !== undefined) {
    Object.assign(order, { rests: order.protection === null, fillOrKill: false });
  }
  if (keepsPlace) return answer(true);
  order.arrival = null;
  if (order.stage === "open") enter(model, order);
  else if (order.stage === "waiting") triggerAtOnce(model, order);
  return answer(false);
}
