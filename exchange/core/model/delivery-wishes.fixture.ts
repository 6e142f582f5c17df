/** Wishes of those who serve requests: reservations, attempts that fail, what is paid and given back. */
import fc from "fast-check";
import { canServe, EXCHANGE, type Model, payingParts } from "./market.fixture.ts";
import { drawer, endWait, keyOf, kind, mostly, pick, symbol, tokens } from "./wish.fixture.ts";

export const reserve = kind({
  name: "reserve",
  of: fc.record({
    account: drawer,
    symbol,
    promptTokens: tokens,
    maxOutputTokens: fc.oneof<fc.Arbitrary<number | null>[]>(fc.constant(null), tokens, tokens),
    choices: mostly(fc.constantFrom(1, 1, 1, 2, 5), fc.constantFrom(0, -1, Number.NaN), 40),
    isStranger: mostly(fc.constant(false), fc.constant(true), 60),
  }),
  command: ({ isStranger, ...wish }) => {
    const keyId = keyOf(isStranger ? wish.account + 1 : wish.account);
    return { type: "reserve-delivery", keyId, requestId: "request", ...wish };
  },
});

/** A request that a Lot of somebody's may hold, also of a supplier that is away. */
export const draw = kind({
  name: "draw",
  of: fc.record({
    at: fc.nat(12),
    away: fc.boolean(),
    promptTokens: fc.integer({ min: 1, max: 4_000 }),
    maxOutputTokens: fc.oneof<fc.Arbitrary<number | null>[]>(
      ...[
        fc.constant(null),
        fc.integer({ min: 1, max: 9_000 }),
        fc.integer({ min: 1, max: 20_000 }),
      ],
    ),
  }),
  command: ({ at, away, ...request }, model) => {
    const lots = model.lots.filter((lot) => lot.owner !== EXCHANGE);
    const left = lots.filter((lot) => !canServe(model, lot.supplier, lot.symbol));
    const lot = pick(away && left.length > 0 ? left : lots, at);
    if (lot === undefined) return null;
    const { owner: account, symbol } = lot;
    const ids = { keyId: keyOf(account), requestId: "request" };
    return { type: "reserve-delivery", account, symbol, choices: 1, ...request, ...ids };
  },
});

/** An open delivery and its attempt; now and then one that is over, or an attempt that is. */
const named = fc.record({ at: fc.nat(8), over: mostly(fc.constant(0), fc.constantFrom(1, 2), 12) });
function nameDelivery({ at, over }: { at: number; over: number }, model: Model) {
  const open = pick(model.deliveries, at);
  if (open === undefined)
    return over === 0 ? null : { delivery: model.counts.delivery, attempt: 1 };
  const { number, attempt } = open;
  // An attempt that never ran, or one that another took over from.
  return { delivery: number, attempt: attempt + ([0, 1, -1][over] ?? 0) };
}
export const retry = kind({
  name: "retry",
  of: fc.record({
    named,
    cause: fc.constantFrom(
      "first-token-late",
      "first-token-late",
      "first-token-late",
      "link-lost",
      "backend-failed",
    ),
  }),
  waits: endWait,
  command: ({ named, cause }, model) => {
    const name = nameDelivery(named, model);
    return name && { type: "retry-delivery", ...name, cause };
  },
});
export const settle = kind({
  name: "settle",
  waits: endWait,
  of: fc.record({
    named,
    prompt: mostly(fc.nat(9_000), fc.constantFrom(-1, Number.NaN, 0.5, 2 ** 53), 20),
    part: fc.constantFrom("none", "some", "some", "all", "over"),
  }),
  command: ({ named, prompt, part }, model) => {
    const name = nameDelivery(named, model);
    if (name === null) return null;
    const open = model.deliveries.find((d) => d.number === name.delivery);
    const reserved = (open === undefined ? [] : payingParts(open)).reduce(
      (total, { tokens }) => total + tokens,
      0,
    );
    const promptTokens = part === "none" ? 0 : prompt;
    const rest = Math.max(0, reserved - promptTokens);
    const completionTokens = { none: 0, some: prompt % 700, all: rest, over: rest + 1 + prompt }[
      part
    ];
    return {
      ...{
        type: "settle-delivery",
        ...name,
        promptTokens,
        completionTokens: completionTokens ?? 0,
      },
      ...{ firstTokenMs: 10, durationMs: 20, reportedTokens: null, outputSha256: null },
      ...{ finishReason: "stop", cause: "done" },
      measured: { firstTokenMs: null, tokensPerSecond: null },
    };
  },
});
export const release = kind({
  name: "release",
  waits: endWait,
  of: fc.record({ named, verdict: fc.constantFrom<"failed" | "excused">("failed", "excused") }),
  command: ({ named, verdict }, model) => {
    const name = nameDelivery(named, model);
    return (
      name && { type: "release-delivery", ...name, verdict, cause: "test", completionTokens: 0 }
    );
  },
});
