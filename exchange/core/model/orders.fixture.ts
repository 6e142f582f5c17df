/** The naive market's rules of orders: what is refused, who trades with whom, what it costs. */
import type { Command, PlaceOrder } from "#exchange/core/commands.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import { divideCeil } from "#protocol/money.ts";
import * as m from "./market.fixture.ts";
import { firstPlace, lotsFor, sellOn } from "./resale.fixture.ts";

type Model = m.Model;
type ModelOrder = m.ModelOrder;

/** Resting orders of a side, first served first: best price, then first come. */
export function line(model: Model, symbol: string, side: "buy" | "sell"): ModelOrder[] {
  const sign = side === "sell" ? 1 : -1;
  return model.orders
    .filter((o) => o.symbol === symbol && o.side === side && o.arrival !== null)
    .sort((a, b) => sign * (a.ticks - b.ticks) || (a.arrival ?? 0) - (b.arrival ?? 0));
}

type Taker = Pick<ModelOrder, "account" | "symbol" | "side" | "ticks"> & { wanted: number };

/** What an order would take now, up to its limit and up to an order of its own owner. */
function reach(model: Model, taker: Taker) {
  const fills: { maker: ModelOrder; quantity: number }[] = [];
  let wanted = taker.wanted;
  for (const maker of line(model, taker.symbol, taker.side === "buy" ? "sell" : "buy")) {
    const tooDear = taker.side === "buy" ? maker.ticks > taker.ticks : maker.ticks < taker.ticks;
    if (wanted === 0 || tooDear) break;
    if (maker.account === taker.account) return { fills, meetsItself: true };
    const quantity = Math.min(wanted, m.left(maker));
    fills.push({ maker, quantity });
    wanted -= quantity;
  }
  return { fills, meetsItself: false };
}

const valueOfFills = (model: Model, symbol: string, fills: ReturnType<typeof reach>["fills"]) =>
  m.sum(fills.map(({ maker, quantity }) => m.worth(model, symbol, maker.ticks, quantity)));

const contentOf = ({ account: _a, clientOrderId: _c, issueMissing: _i, ...content }: PlaceOrder) =>
  JSON.stringify(Object.entries(content).sort());

/** A market order's limit: the best price and the policy's margin, or a tighter one of its own. */
function protectedTicks(model: Model, order: PlaceOrder): number {
  const max = m.instrumentOf(model, order.symbol).priceTicksMax;
  const best = line(model, order.symbol, order.side === "buy" ? "sell" : "buy")[0]?.ticks;
  if (best === undefined) return order.side === "buy" ? 1 : max;
  const bps = Math.min(model.policy.marketProtectionBps, order.maxSlippageBps ?? 10_000);
  const margin = Math.floor((best * bps) / 10_000);
  return order.side === "buy" ? Math.min(max, best + margin) : Math.max(1, best - margin);
}

function shapeProblems(model: Model, order: PlaceOrder): RejectionCode[] {
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
  if (order.orderType === "limit" && !isWithin(order.priceTicks, instrument.priceTicksMax)) {
    codes.push("invalid-price");
  }
  const isMarket = order.orderType === "market";
  if (isMarket && (order.priceTicks !== null || order.postOnly)) codes.push("invalid-order");
  if (order.postOnly && order.timeInForce !== "gtc") codes.push("invalid-order");
  return codes;
}

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
  if (codes.length > 0) return m.refused(...codes);

  const { account, symbol, side, quantity } = order;
  const ticks = order.priceTicks ?? protectedTicks(model, order);
  const rests = order.timeInForce === "gtc" && order.orderType === "limit";
  const { fills } = reach(model, { account, symbol, side, ticks, wanted: quantity });
  if (order.postOnly && fills.length > 0) codes.push("invalid-order");

  const limitValue = m.worth(model, symbol, ticks, quantity);
  const taken = valueOfFills(model, symbol, fills);
  const filledAtOnce = m.count(fills.map((fill) => fill.quantity));
  let hold: bigint;
  let missing = 0;
  let lots: ModelOrder["lots"] = [];
  const offer = side === "sell" ? lotsFor(model, order) : "issued";
  if (offer !== "issued") {
    hold = 0n;
    if (offer === null) codes.push("insufficient-units");
    else lots = offer;
  } else if (side === "buy") {
    hold = m.withFee(model, rests ? limitValue : taken);
    if (hold > m.freeMoney(model, account)) codes.push("insufficient-balance");
  } else {
    // Each Lot needs its margin at the bid's price; what ends at once holds none for the rest.
    const margins = fills.map(({ maker, quantity: filled }) =>
      m.marginOf(model, m.worth(model, symbol, maker.ticks, filled)),
    );
    const rest = rests ? quantity - filledAtOnce : 0;
    const margin = (many: number) => m.marginOf(model, m.worth(model, symbol, ticks, many));
    hold = margin(filledAtOnce + rest);
    if (m.sum(margins) + margin(rest) > m.freeBond(model, account)) codes.push("insufficient-bond");
    const { unsold, inIssuance } = m.supplyOf(model, account, symbol);
    const sellable = unsold - inIssuance - m.onOffer(model, account, symbol);
    missing = Math.max(0, m.tokensOf(model, symbol, quantity) - sellable);
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
  const placed = open(model, { ...order, ticks, hold, rests, fillOrKill, lots });
  if (order.clientOrderId !== null) {
    model.clientIds.push({ order, number: placed.number, atMs: model.nowMs });
  }
  enter(model, placed);
  return m.accepted({ order: placed.number, clientOrderId: order.clientOrderId });
}

export function issue(model: Model, account: number, symbol: string, tokens: number): number {
  const supply = m.supplyOf(model, account, symbol);
  supply.unsold += tokens;
  supply.issuedEver += tokens;
  model.counts.issuance += 1;
  return model.counts.issuance;
}

type NewOrder = Pick<
  ModelOrder,
  "account" | "symbol" | "side" | "ticks" | "quantity" | "hold" | "postOnly" | "rests"
> & { fillOrKill: boolean; lots?: ModelOrder["lots"] };

const highestFee = ({ policy }: Model) => Math.max(policy.takerFeeBps, policy.makerFeeBps);

/** An order with its money set aside, which has not traded yet. */
export function open(model: Model, wish: NewOrder): ModelOrder {
  model.counts.order += 1;
  const { account, symbol, side, ticks, quantity, hold, postOnly, rests, fillOrKill } = wish;
  const { lots = [] } = wish;
  const order: ModelOrder = {
    ...{ number: model.counts.order, account, symbol, side, ticks, quantity, filled: 0, hold },
    lots,
    share:
      lots.length > 0
        ? 0
        : side === "sell"
          ? model.policy.bondMarginBps
          : account === m.EXCHANGE
            ? 0
            : highestFee(model),
    ...{ feeBasis: 0n, feePaid: 0n, postOnly, rests, fillOrKill, suspended: false, arrival: null },
  };
  model.orders.push(order);
  return order;
}

/** Ends an order; whatever it held is free, since holds are those of open orders. */
export function close(model: Model, order: ModelOrder): void {
  model.orders = model.orders.filter((each) => each !== order);
}

/** Lets an open order trade; what is left rests or ends. */
export function enter(model: Model, order: ModelOrder): void {
  if (!tradeAndRest(model, order)) close(model, order);
}

/** True when something of it rests in the book now. */
function tradeAndRest(model: Model, order: ModelOrder): boolean {
  const wanted = m.left(order);
  const { fills, meetsItself } = reach(model, { ...order, wanted });
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
  for (const { maker, quantity } of fills) trade(model, maker, order, quantity);
  if (m.left(order) === 0) return false;
  if (meetsItself) model.tally.add("state: order met its own owner's");
  if (meetsItself || !order.rests) return false;
  model.arrivals += 1;
  order.arrival = model.arrivals;
  return true;
}

/** Fees are rounded up per order, not per fill. */
const dueFee = (order: ModelOrder, value: bigint, bps: number): bigint =>
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

/** A fill at the maker's price: money into escrow, Units into a new Lot, bond behind it. */
export function trade(model: Model, maker: ModelOrder, taker: ModelOrder, quantity: number): void {
  const { symbol, ticks } = maker;
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
    ...{ share: model.policy.bondMarginBps, cost: ticks, boughtMs: model.nowMs },
    ...firstPlace(model, bid.account),
    abandoned: { sinceMs: 0, bps: 0 },
  });
  if (m.left(maker) === 0) close(model, maker);
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
