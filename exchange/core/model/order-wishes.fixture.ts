/** Wishes of traders and suppliers: orders of every kind, repeats, cancels. */
import fc from "fast-check";
import type { PlaceOrder } from "#exchange/core/commands.ts";
import { serversOf } from "./market.fixture.ts";
import {
  anybody,
  kind,
  mostly,
  NOBODY,
  pick,
  quantity,
  SYMBOLS,
  supplier,
  symbol,
  ticks,
  trader,
} from "./wish.fixture.ts";

export const orderFields = {
  symbol,
  quantity,
  clientOrderId: mostly(fc.constant(null), fc.constantFrom("a", "b", "c", "d"), 3),
};
export const limitOrder = {
  type: "place-order" as const,
  orderType: "limit" as const,
  maxSlippageBps: null,
  issueMissing: false,
};

export const ask = kind({
  name: "ask",
  of: fc.record({
    ...orderFields,
    account: supplier,
    priceTicks: ticks,
    issueMissing: mostly(fc.constant(true), fc.constant(false), 6),
    timeInForce: mostly<PlaceOrder["timeInForce"]>(
      fc.constant("gtc"),
      fc.constantFrom("ioc", "fok"),
      8,
    ),
    postOnly: mostly(fc.constant(false), fc.constant(true), 6),
  }),
  command: (wish) => ({ ...limitOrder, side: "sell", ...wish }),
});
export const bid = kind({
  name: "bid",
  of: fc.record({
    ...orderFields,
    account: trader,
    priceTicks: ticks,
    timeInForce: fc.constantFrom<PlaceOrder["timeInForce"]>("gtc", "gtc", "ioc", "fok"),
    postOnly: mostly(fc.constant(false), fc.constant(true), 6),
  }),
  command: (wish) => ({ ...limitOrder, side: "buy", ...wish }),
});
/** Bought Units of somebody are sold on, also at a loss; now and then more than there are. */
export const resell = kind({
  name: "resell",
  of: fc.record({
    at: fc.nat(12),
    priceTicks: fc.constantFrom(9_700, 9_990, 10_000, 10_010, 10_300),
    quantity: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 30 })),
    timeInForce: fc.constantFrom<PlaceOrder["timeInForce"][]>("gtc", "gtc", "gtc", "ioc", "fok"),
    postOnly: mostly(fc.constant(false), fc.constant(true), 9),
  }),
  command: ({ at, ...wish }, model) => {
    const lot = pick(
      model.lots.filter((each) => each.tradingMs !== null),
      at,
    );
    if (lot === undefined) return null;
    const { owner: account, symbol } = lot;
    const timeInForce = wish.postOnly ? "gtc" : wish.timeInForce;
    return {
      ...limitOrder,
      side: "sell",
      account,
      symbol,
      clientOrderId: null,
      ...wish,
      timeInForce,
    };
  },
});
/** Who pays the price of bought Units on offer: often the one who owes them. */
export const buyBack = kind({
  name: "buy back",
  of: fc.record({
    at: fc.nat(4),
    by: mostly<number | null>(fc.constant(null), trader, 1),
    quantity,
  }),
  command: ({ at, by, quantity }, model) => {
    const ask = pick(
      model.orders.filter((each) => each.lots.length > 0 && each.arrival !== null),
      at,
    );
    if (ask === undefined) return null;
    const account = by ?? serversOf(model, ask)[0] ?? 4;
    const { symbol, ticks: priceTicks } = ask;
    const fields = { account, symbol, priceTicks, quantity, clientOrderId: null };
    return { ...limitOrder, side: "buy", ...fields, timeInForce: "ioc", postOnly: false };
  },
});
/** More than a bond can pay for once the policy asks for little of it, at prices that meet. */
const much = {
  symbol: fc.constant("text-lite"),
  quantity: fc.integer({ min: 10, max: 90 }),
  clientOrderId: fc.constant(null),
  timeInForce: fc.constant<PlaceOrder["timeInForce"]>("gtc"),
  postOnly: fc.constant(false),
};
export const sellMuch = kind({
  name: "sell much",
  of: fc.record({
    ...{ ...much, account: fc.constantFrom(2, 2, 3) },
    priceTicks: fc.constantFrom(9_960, 10_061, 10_180),
  }),
  command: (wish) => ({ ...limitOrder, issueMissing: true, side: "sell", ...wish }),
});
export const buyMuch = kind({
  name: "buy much",
  of: fc.record({ ...much, account: fc.constant(4), priceTicks: fc.constant(10_180) }),
  command: (wish) => ({ ...limitOrder, side: "buy", ...wish, timeInForce: "ioc" }),
});
export const market = kind({
  name: "market",
  of: fc.record({
    ...orderFields,
    account: fc.constantFrom(1, 2, 3, 4, 5),
    side: fc.constantFrom<PlaceOrder["side"]>("buy", "buy", "sell"),
    priceTicks: mostly<number | null>(fc.constant(null), fc.constant(10_000), 20),
    maxSlippageBps: fc.constantFrom(null, null, 0, 50, 5_000),
    timeInForce: fc.constantFrom<PlaceOrder["timeInForce"]>("ioc", "gtc", "fok"),
    postOnly: mostly(fc.constant(false), fc.constant(true), 30),
    issueMissing: fc.boolean(),
  }),
  command: (wish) => ({ ...limitOrder, ...wish, orderType: "market" }),
});
export const again = kind({
  name: "again",
  of: fc.record({ at: fc.nat(9), quantity: mostly<number | null>(fc.constant(null), quantity, 2) }),
  command: (wish, model) => {
    const known = pick(model.clientIds, wish.at);
    if (known === undefined) return null;
    const { order } = known;
    return { type: "place-order", ...order, quantity: wish.quantity ?? order.quantity };
  },
});
export const cancel = kind({
  name: "cancel",
  of: fc.record({ at: fc.nat(20), by: mostly<number | null>(fc.constant(null), anybody, 8) }),
  command: ({ at, by }, model) => {
    const order = pick(model.orders, at);
    // The last one is over when none is open.
    const number = order?.number ?? model.counts.order;
    return { type: "cancel-order", account: by ?? order?.account ?? 4, order: number };
  },
});
export const cancelAll = kind({
  name: "cancel all",
  of: fc.record({
    account: mostly(anybody, fc.constant(NOBODY), 10),
    symbol: fc.constantFrom(null, ...SYMBOLS),
  }),
  command: (wish) => ({ type: "cancel-orders", ...wish }),
});
