/** Wishes of orders that ask for more than most: a time to end, a stop price, what to do about their owner's own. */
import fc from "fast-check";
import type { PlaceOrder } from "#exchange/core/commands.ts";
import type { Model } from "./market.fixture.ts";
import { limitOrder, orderFields } from "./order-wishes.fixture.ts";
import { kind, mostly, ticks } from "./wish.fixture.ts";

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
};

/** Only a `gtd` order says when it ends, except now and then. */
function dated<T extends { expiresInMs: number; timeInForce: PlaceOrder["timeInForce"] }>(
  { expiresInMs, ...wish }: T,
  model: Model,
) {
  const says = wish.timeInForce === "gtd" ? expiresInMs !== 7 : expiresInMs === 7;
  return { ...wish, expiresAtMs: says ? model.nowMs + expiresInMs : undefined };
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
  command: (wish, model) => ({ ...limitOrder, ...reducing(dated(wish, model)) }),
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
    const { stopTicks, ...order } = reducing(dated(wish, model));
    const orderType = order.priceTicks === null ? "stop" : "stop_limit";
    return { ...limitOrder, ...order, orderType, stopTicks: stopTicks ?? undefined };
  },
});
