/** The naive market's rules of trading: who meets whom, at which price, and what it costs both. */
import { divideCeil } from "#protocol/money.ts";
import { countFill, tripGroups } from "./groups.fixture.ts";
import * as m from "./market.fixture.ts";
import { breakIfMoved } from "./phases.fixture.ts";
import { firstPlace, sellOn } from "./resale.fixture.ts";
import { triggerStops } from "./stops.fixture.ts";

type Model = m.Model;
type ModelOrder = m.ModelOrder;

/** Resting orders of a side, first served first: best price, then first come. */
export function line(model: Model, symbol: string, side: "buy" | "sell"): ModelOrder[] {
  const sign = side === "sell" ? 1 : -1;
  return model.orders
    .filter(
      (o) => o.symbol === symbol && o.side === side && o.stage === "open" && o.arrival !== null,
    )
    .sort((a, b) => sign * (a.ticks - b.ticks) || (a.arrival ?? 0) - (b.arrival ?? 0));
}

type Taker = Pick<ModelOrder, "account" | "symbol" | "side" | "ticks" | "mode"> & {
  wanted: number;
};

/** What an order would take now, up to its limit; an order of its own owner ends it, or itself. */
export function reach(model: Model, taker: Taker) {
  const fills: { maker: ModelOrder; quantity: number }[] = [];
  const ends: ModelOrder[] = [];
  if (m.phaseOf(model, taker.symbol) !== "active") return { fills, ends, meetsItself: false };
  let wanted = taker.wanted;
  for (const maker of line(model, taker.symbol, taker.side === "buy" ? "sell" : "buy")) {
    const tooDear = taker.side === "buy" ? maker.ticks > taker.ticks : maker.ticks < taker.ticks;
    if (wanted === 0 || tooDear) break;
    if (maker.account === taker.account) {
      if (taker.mode !== "cancel-newest") ends.push(maker);
      if (taker.mode !== "cancel-oldest") return { fills, ends, meetsItself: true };
      continue;
    }
    const quantity = Math.min(wanted, m.left(maker));
    fills.push({ maker, quantity });
    wanted -= quantity;
  }
  return { fills, ends, meetsItself: false };
}

export const valueOfFills = (
  model: Model,
  symbol: string,
  fills: ReturnType<typeof reach>["fills"],
) => m.sum(fills.map(({ maker, quantity }) => m.worth(model, symbol, maker.ticks, quantity)));

type NewOrder = Pick<
  ModelOrder,
  | "account"
  | "symbol"
  | "side"
  | "ticks"
  | "quantity"
  | "hold"
  | "postOnly"
  | "rests"
  | "fillOrKill"
> &
  Partial<
    Pick<ModelOrder, "mode" | "expiresMs" | "stopTicks" | "tif" | "protection" | "reduceOnly"> &
      Pick<ModelOrder, "isLimit" | "session" | "group" | "lots">
  >;

const highestFee = ({ policy }: Model) => Math.max(policy.takerFeeBps, policy.makerFeeBps);

/** An order with its money set aside, which has not traded yet. */
export function open(model: Model, wish: NewOrder): ModelOrder {
  model.counts.order += 1;
  const { account, symbol, side, ticks, quantity, hold, postOnly, rests, fillOrKill } = wish;
  const order: ModelOrder = {
    ...{ number: model.counts.order, account, symbol, side, ticks, quantity, filled: 0, hold },
    lots: wish.lots ?? [],
    share:
      (wish.lots ?? []).length > 0
        ? 0
        : side === "sell"
          ? model.policy.bondMarginBps
          : account === m.EXCHANGE
            ? 0
            : highestFee(model),
    ...{ feeBasis: 0n, feePaid: 0n, postOnly, rests, fillOrKill, stage: "open", arrival: null },
    mode: wish.mode ?? "cancel-newest",
    expiresMs: wish.expiresMs ?? null,
    stopTicks: wish.stopTicks ?? null,
    tif: wish.tif ?? "fok",
    protection: wish.protection ?? null,
    reduceOnly: wish.reduceOnly ?? false,
    isLimit: wish.isLimit ?? false,
    session: wish.session ?? null,
    group: wish.group ?? null,
  };
  model.orders.push(order);
  return order;
}

/** Ends an order; whatever it held is free, since holds are those of open orders. */
export function close(model: Model, order: ModelOrder): void {
  model.orders = model.orders.filter((each) => each !== order);
  model.triggered = model.triggered.filter((each) => each !== order);
}

/** Lets an open order trade; what is left rests or ends. */
export function enter(model: Model, order: ModelOrder): void {
  if (!tradeAndRest(model, order)) close(model, order);
}

/** True when something of it rests in the book now. */
function tradeAndRest(model: Model, order: ModelOrder): boolean {
  const wanted = m.left(order);
  const { fills, ends, meetsItself } = reach(model, { ...order, wanted });
  if (order.postOnly && fills.length > 0) {
    model.tally.add("state: post_only ask came back to bids");
    return false;
  }
  const fee = dueFee(order, valueOfFills(model, order.symbol, fills), model.policy.takerFeeBps);
  if (order.side === "sell" && order.lots.length === 0 && fee > m.freeMoney(model, order.account)) {
    model.tally.add("state: ask came back to bids and could not pay its fee");
    return false;
  }
  const canFill = m.count(fills.map((fill) => fill.quantity));
  if (order.fillOrKill && canFill < wanted) return false;
  for (const own of ends) {
    model.tally.add("state: order ended its own owner's");
    close(model, own);
  }
  for (const { maker, quantity } of fills) trade(model, maker, order, quantity);
  triggerStops(
    model,
    order.symbol,
    fills.map(({ maker }) => maker.ticks),
  );
  if (fills.length > 0) breakIfMoved(model, order.symbol);
  tripGroups(model);
  if (m.left(order) === 0) return false;
  if (meetsItself) model.tally.add("state: order met its own owner's");
  if (meetsItself || !order.rests) return false;
  model.arrivals += 1;
  order.arrival = model.arrivals;
  return true;
}

/** Fees are rounded up per order, not per fill. */
export const dueFee = (order: ModelOrder, value: bigint, bps: number): bigint =>
  divideCeil(order.feeBasis + value * BigInt(bps), 10_000n) - order.feePaid;

function payFee(model: Model, order: ModelOrder, value: bigint, bps: number, most: bigint): bigint {
  const due = dueFee(order, value, bps);
  const fee = m.smaller(due, most);
  if (fee < due) model.tally.add(`state: ${order.side} order could not pay its whole fee`);
  order.feeBasis += value * BigInt(bps);
  order.feePaid += fee;
  m.accountOf(model, order.account).available -= fee;
  model.fees += fee;
  return fee;
}

/** A fill at the maker's price, or an auction's: money into escrow, Units into a new Lot, bond behind it. */
export function trade(
  model: Model,
  maker: ModelOrder,
  taker: ModelOrder,
  quantity: number,
  ticks = maker.ticks,
): void {
  const { symbol } = maker;
  model.lastTicks.set(symbol, ticks);
  const [bid, ask] = maker.side === "buy" ? [maker, taker] : [taker, maker];
  // Cover is free of fees for both sides, and no sign of what Units are worth.
  const isCover = bid.account === m.EXCHANGE;
  if (!isCover) model.fills.push({ symbol, ticks, atMs: model.nowMs });
  const bps = (order: ModelOrder) => {
    if (isCover) return 0;
    return order === taker ? model.policy.takerFeeBps : model.policy.makerFeeBps;
  };
  // A bid set its fee aside when it came, and pays no more even when fees went up since.
  if (bps(bid) > bid.share) model.tally.add("state: bid pays the fee of its day");
  const bidBps = Math.min(bps(bid), bid.share);
  const value = m.worth(model, symbol, ticks, quantity);

  m.accountOf(model, bid.account).available -= value;
  bid.hold -= value + payFee(model, bid, value, bidBps, bid.hold - value);
  // Bought Units bring their Lot along; the price is their seller's.
  const resale = ask.lots.length > 0;
  if (resale) m.accountOf(model, ask.account).available += value;
  payFee(model, ask, value, bps(ask), m.freeMoney(model, ask.account));
  countFill(model, maker, quantity);
  bid.filled += quantity;
  ask.filled += quantity;
  if (!resale) m.supplyOf(model, ask.account, symbol).unsold -= m.tokensOf(model, symbol, quantity);
  // A bid keeps what its limit needs, an ask the margin of what is left of it.
  const limitOf = (order: ModelOrder) => m.worth(model, symbol, order.ticks, m.left(order));
  bid.hold = m.smaller(bid.hold, limitOf(bid) + dueFee(bid, limitOf(bid), bid.share));
  ask.hold = m.smaller(ask.hold, m.shareUp(limitOf(ask), ask.share));
  if (resale) {
    sellOn(model, ask, bid.account, quantity, ticks);
    if (m.left(maker) === 0) close(model, maker);
    return;
  }
  const margin = m.smaller(m.marginOf(model, value), m.freeBond(model, ask.account));
  if (margin < m.marginOf(model, value)) model.tally.add("state: Lot with less than its margin");

  model.counts.lot += 1;
  model.lots.push({
    ...{ number: model.counts.lot, symbol, owner: bid.account, supplier: ask.account, ticks },
    ...{ tokens: m.tokensOf(model, symbol, quantity), used: 0, value, paid: 0n, margin },
    ...{ share: model.policy.bondMarginBps, cost: ticks, boughtMs: model.nowMs, draws: [] },
    ...firstPlace(model, bid.account),
    abandoned: { sinceMs: 0, bps: 0 },
  });
  if (m.left(maker) === 0) close(model, maker);
}
