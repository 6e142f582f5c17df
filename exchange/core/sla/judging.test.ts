import { describe, expect, test } from "vitest";
import { createTestMarket, DOLLAR, UNIT } from "#exchange/core/core.fixture.ts";
import { createServingMarket } from "./serving.fixture.ts";

const lite = { firstTokenMs: 2_000, tokensPerSecond: 20 };

test("a delivery that worked is judged by what was measured, with the tokens and money it earned", () => {
  const { measured, events, supplier, buyer } = createServingMarket();
  measured({ firstTokenMs: 3 * lite.firstTokenMs, tokensPerSecond: 50 });
  expect(events("delivery-judged")).toMatchObject([
    {
      account: buyer,
      symbol: "text-lite",
      policyVersion: "2026-11-sla-1",
      attempts: [{ attempt: 1, supplier, verdict: "slow", slownessBps: 10_000, cause: "done" }],
    },
  ]);
  expect(events("delivery-judged")[0]?.attempts[0]).toMatchObject({
    tokens: 1_000,
    valueMicros: 1_000n,
    firstTokenMs: 6_000,
    why: expect.stringContaining("limit 2000 ms"),
  });
});

test("a failed one counts for its prompt and 512 tokens of output, at the price of its Lots", () => {
  const { fail, events } = createServingMarket();
  fail();
  expect(events("delivery-judged")[0]?.attempts).toMatchObject([
    { verdict: "failed", tokens: 912, valueMicros: 912n, why: "the backend failed" },
  ]);
});

describe("a delivery that ends", () => {
  test.each([
    ["failed", "backend-failed", "failed"],
    ["failed", "busy", "excused"],
    ["failed", "poison-request", "excused"],
    ["excused", "client-gone", "excused"],
    ["excused", "backend-failed", "excused"],
  ] as const)("as %s by %s counts as %s", (verdict, cause, counted) => {
    const { end, events, standing } = createServingMarket();
    end(verdict, cause);
    expect(events("delivery-judged")[0]?.attempts).toMatchObject([{ verdict: counted }]);
    expect(standing.card?.[counted].requests).toBe(1);
  });
});

test.each(["client-gone", "client-stalled"])(
  "what went out before the client ended it (%s) is paid and excused, however slow it was",
  (cause) => {
    const { market, buyer, supplier, events } = createServingMarket();
    const { delivery } = market.reserve(buyer, 400, 600);
    market.run({
      ...{ type: "settle-delivery", delivery, attempt: 1, promptTokens: 400, completionTokens: 50 },
      ...{ firstTokenMs: 100, durationMs: 60_000, reportedTokens: null, outputSha256: null },
      ...{ measured: { firstTokenMs: 100, tokensPerSecond: 1 }, finishReason: null, cause },
    });
    expect(events("delivery-judged")[0]?.attempts).toMatchObject([
      { supplier, verdict: "excused", cause, slownessBps: 0, tokens: 450, valueMicros: 450n },
    ]);
  },
);

/** Two suppliers whose attempts at one delivery have failed so far, as the state remembers them. */
function twiceFailed(cause = "link-lost") {
  const market = createTestMarket();
  const [first, second] = [market.supplier("one").account, market.supplier("two").account];
  const buyer = market.account("B", 10_000_000n);
  for (const supplier of [first, second]) market.ask(supplier, DOLLAR, UNIT);
  const { delivery } = market.reserve(buyer, 400, 600);
  const open = market.state.deliveries.get(delivery);
  if (open === undefined) throw new Error("the delivery is not open");
  open.failures = [
    {
      ...{ attempt: 1, supplier: second, cause, tokens: 912, valueMicros: 912n },
      ...{ reservedMicros: 1_000n, chargeMaxMicros: 0n, guarantyMaxMicros: 0n },
    },
  ];
  return { market, first, second, delivery };
}

test("earlier attempts are judged with the last, each by its own cause", () => {
  const { market, first, second, delivery } = twiceFailed();
  market.settle(delivery, 400, 600);
  expect(market.events.at(-1)).toMatchObject({
    type: "delivery-judged",
    attempts: [
      { attempt: 1, supplier: second, verdict: "failed", cause: "link-lost" },
      { supplier: first, verdict: "good", tokens: 1_000 },
    ],
  });
});

test.each([
  ["a poison request excuses every attempt", "failed", "poison-request", "excused"],
  ["a client that leaves excuses the last attempt alone", "excused", "client-gone", "failed"],
] as const)("%s", (_claim, verdict, cause, earlier) => {
  const { market, delivery } = twiceFailed();
  const { attempt } = market.state.deliveries.get(delivery) ?? { attempt: 0 };
  const end = { verdict, cause, completionTokens: 0 };
  market.run({ type: "release-delivery", delivery, attempt, ...end });
  expect(market.events.findLast(({ type }) => type === "delivery-judged")).toMatchObject({
    attempts: [{ verdict: earlier }, { verdict: "excused" }],
  });
});

test.each(["refused-alone", "empty-alone"])(
  "who said of a request what another supplier did not (%s) has failed, and is believed where none answered",
  (cause) => {
    const answered = twiceFailed(cause);
    answered.market.settle(answered.delivery, 400, 600);
    expect(answered.market.events.at(-1)).toMatchObject({
      attempts: [{ verdict: "failed", cause }, { verdict: "good" }],
    });
    const { market, delivery } = twiceFailed(cause);
    const { attempt } = market.state.deliveries.get(delivery) ?? { attempt: 0 };
    const end = { verdict: "excused" as const, cause: "buyer-refused", completionTokens: 0 };
    market.run({ type: "release-delivery", delivery, attempt, ...end });
    expect(market.events.findLast(({ type }) => type === "delivery-judged")).toMatchObject({
      attempts: [{ verdict: "excused", cause }, { verdict: "excused" }],
    });
  },
);
