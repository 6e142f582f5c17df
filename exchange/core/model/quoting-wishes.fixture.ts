/** Wishes of market makers: batches, sets of quotes, groups, sessions, switches. */
import fc from "fast-check";
import { limitOrder } from "./order-wishes.fixture.ts";
import { grouped } from "./special-order-wishes.fixture.ts";
import {
  anybody,
  kind,
  mostly,
  NOBODY,
  quantity,
  supplier,
  symbol,
  ticks,
} from "./wish.fixture.ts";

const GROUPS = ["ladder", "ladder", "other"];
const seller = mostly(fc.constantFrom(1, 2, 3, 3), supplier, 12);
const goodQuantity = fc.integer({ min: 1, max: 9 });
const goodTicks = fc.constantFrom(10_020, 10_040, 10_060, 10_061, 10_080, 9_990);

export const quotes = kind({
  name: "quotes",
  of: fc.record({
    account: mostly(seller, fc.constantFrom(6, 4), 20),
    symbol,
    quotes: fc.array(
      fc.record({
        priceTicks: mostly(goodTicks, ticks, 40),
        quantity: mostly(goodQuantity, quantity, 40),
      }),
      { maxLength: 4 },
    ),
    group: mostly<string | undefined>(fc.constant(undefined), fc.constantFrom(...GROUPS), 1),
    session: mostly<string | undefined>(fc.constant(undefined), fc.constant("desk"), 8),
    /** What is on offer already, and a little less of it: then some of it stays. */
    keeps: fc.boolean(),
    less: fc.nat(3),
  }),
  command: ({ keeps, less, ...drawn }, model) => {
    const wish = less === 1 ? drawn : grouped(drawn, model);
    const own = model.orders.filter(
      (o) => o.account === wish.account && o.symbol === wish.symbol && o.side === "sell",
    );
    const kept = own.map((order, at) => ({
      priceTicks: order.ticks,
      quantity: Math.max(1, order.quantity - order.filled - (at === 0 ? less : 0)),
    }));
    const all = keeps ? [...kept.slice(0, 3), ...wish.quotes] : wish.quotes;
    return {
      ...{ type: "replace-quotes", ...wish },
      quotes: all.map((each) => ({ ...each, priceTicks: each.priceTicks ?? 0 })),
    };
  },
});

export const batch = kind({
  name: "batch",
  of: fc.record({
    account: fc.constantFrom(2, 3, 4, 5, 6),
    foreign: mostly(fc.constant(false), fc.constant(true), 12),
    orders: fc.array(
      fc.record({
        symbol,
        side: fc.constantFrom("buy" as const, "sell" as const),
        priceTicks: ticks,
        quantity,
        timeInForce: fc.constantFrom("gtc" as const, "gtc" as const, "ioc" as const),
        clientOrderId: mostly<string | null>(fc.constant(null), fc.constantFrom("a", "b"), 3),
        issueMissing: fc.boolean(),
      }),
      { maxLength: 4 },
    ),
  }),
  command: ({ account, foreign, orders }) => ({
    ...{ type: "place-orders", account },
    orders: orders.map(({ ...order }, at) => {
      const { type: _type, ...fields } = limitOrder;
      const owner = foreign && at === 1 ? account + 1 : account;
      return { ...fields, postOnly: false, ...order, account: owner };
    }),
  }),
});

export const setGroup = kind({
  name: "set group",
  of: fc.record({
    account: mostly(fc.constantFrom(1, 2, 3, 3, 4), fc.constant(NOBODY), 30),
    symbol: fc.constantFrom("text-lite", "text-lite", "text-odd"),
    group: fc.constantFrom(...GROUPS),
    quantityMax: fc.constantFrom(1, 1, 3, 8),
    windowMs: fc.constantFrom(1, 2_000, 60_000),
  }),
  command: (wish) => ({ type: "set-quote-group", ...wish }),
});

export const setSwitch = kind({
  name: "switch",
  of: fc.record({
    account: mostly(anybody, fc.constant(NOBODY), 20),
    afterMs: fc.constantFrom(0, 5_000, 30_000, 300_000, 4_999, 300_001, Number.NaN),
  }),
  command: (wish) => ({ type: "cancel-after", ...wish }),
});

export const endSession = kind({
  name: "end session",
  of: fc.record({
    account: mostly(anybody, fc.constant(NOBODY), 20),
    session: fc.constantFrom("desk", "none"),
  }),
  command: (wish) => ({ type: "cancel-session-orders", ...wish }),
});

/** Rather back to trading than out of it. */
export const phase = kind({
  name: "phase",
  of: fc.record({
    symbol: fc.constantFrom("text-lite", "text-lite", "text-odd", "text-none"),
    to: fc.constantFrom<"halted" | "closed" | "resume">("halted", "closed", "resume", "resume"),
    auctionMs: fc.constantFrom(0, 1_000, 30_000, 30_001),
  }),
  command: ({ symbol, to, auctionMs }, model) => {
    const stands = model.markets.find((market) => ["halted", "closed"].includes(market.phase));
    if (stands !== undefined && auctionMs !== 1_000) {
      return { type: "resume-trading", symbol: stands.symbol, auctionMs };
    }
    return to === "resume"
      ? { type: "resume-trading", symbol, auctionMs }
      : { type: "halt-trading", symbol, phase: to, reason: "test" };
  },
});
