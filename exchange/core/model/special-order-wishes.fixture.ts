/** Wishes of orders that ask for more than most: a time to end, a stop price, what to do about their owner's own. */
import fc from "fast-check";
import type { PlaceOrder } from "#exchange/core/commands.ts";
import type { Model } from "./market.fixture.ts";
import { limitOrder, orderFields } from "./order-wishes.fixture.ts";
import { anybody, kind, mostly, pick, ticks } from "./wish.fixture.ts";

const who = mostly(fc.constantFrom(1, 2, 3, 3, 4, 5), fc.constant(6), 40);
const times = fc.constantFrom<PlaceOrder["timeInForce"]>("gtc", "gtc", "ioc", "fok", "day", "gtd");
const modes = fc.constantFrom<PlaceOrder["selfTrade"]>(
  "cancel-newest",
  "cancel-oldest",
  "cancel-oldest",
  "cancel-both",
  undefined,
);
const common = {
  ...orderFields,
  account: who,
  side: fc.constantFrom<PlaceOrder["side"]>("buy", "sell"),
  timeInForce: times,
  expiresInMs: mostly(
    fc.integer({ min: 1, max: 400_000 }),
    fc.constantFrom(0, -1, 90 * 86_400_000, 90 * 86_400_000 + 1),
    12,
  ),
  issueMissing: fc.boolean(),
  selfTrade: modes,
  postOnly: mostly(fc.constant(false), fc.constant(true), 12),
  reduceOnly: mostly<boolean | undefined>(fc.constant(undefined), fc.constant(true), 4),
  session: fc.constantFrom(undefined, undefined, undefined, "desk"),
  group: mostly<string | undefined>(fc.constant(undefined), fc.constant("ladder"), 2),
};

/** Only a `gtd` order says when it ends, except now and then. */
function dated<T extends { expiresInMs: number; timeInForce: PlaceOrder["timeInForce"] }>(
  { expiresInMs, ...wish }: T,
  model: Model,
) {
  const says = wish.timeInForce === "gtd" ? expiresInMs !== 7 : expiresInMs === 7;
  return { ...wish, expiresAtMs: says ? model.nowMs + expiresInMs : undefined };
}

/** Rather a group that is tripped, or one that its account has. */
export function grouped<T extends { account: number; symbol: string; group: string | undefined }>(
  wish: T,
  model: Model,
): T {
  if (wish.group === undefined) return wish;
  const tripped = model.groups.find((each) => each.tripped);
  const own = model.groups.filter(({ account }) => account === wish.account);
  const known = tripped ?? pick(own, model.counts.order);
  if (known === undefined) return { ...wish, group: undefined };
  return { ...wish, account: known.account, group: known.name, symbol: known.symbol };
}

/** Sells what it has rather than what it lacks, where it only reduces. */
function reducing<T extends { side: PlaceOrder["side"]; reduceOnly: boolean | undefined }>(
  wish: T & { issueMissing: boolean },
) {
  const reduces = wish.side === "sell" && wish.reduceOnly === true;
  return reduces ? { ...wish, issueMissing: false } : wish;
}

export const special = kind({
  name: "special",
  of: fc.record({ ...common, priceTicks: ticks }),
  command: (wish, model) => ({ ...limitOrder, ...grouped(reducing(dated(wish, model)), model) }),
});
export const stop = kind({
  name: "stop",
  of: fc.record({
    ...common,
    postOnly: mostly(fc.constant(false), fc.constant(true), 40),
    timeInForce: fc.constantFrom<PlaceOrder["timeInForce"]>("gtc", "gtc", "gtc", "fok", "gtd"),
    stopTicks: ticks,
    priceTicks: fc.oneof(ticks, fc.constant(null)),
    maxSlippageBps: fc.constantFrom(null, null, 0, 100),
  }),
  command: (wish, model) => {
    const { stopTicks, ...order } = grouped(reducing(dated(wish, model)), model);
    const orderType = order.priceTicks === null ? "stop" : "stop_limit";
    return { ...limitOrder, ...order, orderType, stopTicks: stopTicks ?? undefined };
  },
});

/** A change in whole or by a little; most leave something as it was. */
const changed = fc.record({
  at: fc.nat(20),
  by: mostly<number | null>(fc.constant(null), anybody, 20),
  quantity: fc.oneof(
    fc.constantFrom<["by" | "to", number] | null>(
      null,
      ["by", -1],
      ["by", -3],
      ["by", 2],
      ["by", 9],
    ),
    fc.constantFrom<["by" | "to", number]>(
      ["to", 1],
      ["to", 0],
      ["to", 1.5],
      ["to", 1e9],
      ["by", 0],
    ),
  ),
  priceTicks: fc.oneof(fc.constant(null), fc.constant(null), ticks),
  stopTicks: mostly<number | null>(fc.constant(null), ticks, 3),
  timeInForce: mostly<PlaceOrder["timeInForce"] | undefined>(
    fc.constant(undefined),
    fc.constantFrom("gtc", "day", "gtd", "ioc"),
    4,
  ),
  expiresInMs: fc.integer({ min: 1, max: 300_000 }),
  issueMissing: fc.boolean(),
});
export const amendment = kind({
  name: "amend",
  of: changed,
  command: (wish, model) => {
    const order = pick(model.orders, wish.at);
    const dated = wish.timeInForce === "gtd" && wish.expiresInMs !== 7;
    const [how, many] = wish.quantity ?? ["by", 0];
    const quantity = how === "by" ? (order?.quantity ?? 0) + many : many;
    return {
      type: "amend-order",
      account: wish.by ?? order?.account ?? 4,
      order: order?.number ?? model.counts.order,
      quantity: wish.quantity === null ? undefined : quantity,
      priceTicks: order?.protection === null ? (wish.priceTicks ?? undefined) : undefined,
      stopTicks: order?.stage === "waiting" ? (wish.stopTicks ?? undefined) : undefined,
      timeInForce: wish.timeInForce,
      expiresAtMs: dated ? model.nowMs + wish.expiresInMs : undefined,
      issueMissing: wish.issueMissing,
    };
  },
});

/** A supplier loses a link while one of its orders waits for a stop price. */
export const leaveWaiting = kind({
  name: "leave waiting",
  of: fc.nat(5),
  command: (at, model) => {
    const waiting = model.orders.filter((o) => o.stage === "waiting" && o.side === "sell");
    const account = pick(waiting, at)?.account;
    const node = model.nodes.find((n) => n.account === account && n.session !== null);
    if (node === undefined) return null;
    const session = node.session ?? "x";
    return { type: "disconnect-node", node: node.number, session, reason: "link-lost" };
  },
});
/** A bid and an ask of one owner at prices that meet, which only an auction lets rest. */
export const bothSides = kind({
  name: "both sides",
  of: fc.record({
    account: fc.constantFrom(1, 3, 3),
    quantity: fc.integer({ min: 1, max: 3 }),
    bidTicks: fc.constantFrom(10_020, 10_090),
    askTicks: fc.constantFrom(9_990, 10_010),
    selfTrade: modes,
    askFirst: fc.boolean(),
  }),
  command: ({ account, quantity, bidTicks, askTicks, selfTrade, askFirst }, model) => {
    const market = model.markets.find(({ phase }) => phase === "auction");
    if (market === undefined) return null;
    const { type: _type, ...plain } = limitOrder;
    const both = (["buy", "sell"] as const).map((side) => ({
      ...{ ...plain, account, symbol: market.symbol, side, quantity, selfTrade },
      ...{ timeInForce: "gtc" as const, postOnly: false, clientOrderId: null },
      priceTicks: side === "buy" ? bidTicks : askTicks,
      issueMissing: side === "sell",
    }));
    return { type: "place-orders", account, orders: askFirst ? both.reverse() : both };
  },
});
