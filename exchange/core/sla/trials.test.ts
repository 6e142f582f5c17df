import { describe, expect, test } from "vitest";
import { DOLLAR, UNIT } from "#exchange/core/core.fixture.ts";
import { createServingMarket } from "./serving.fixture.ts";

const UNSUSPENDED = { suspensionRequestsMin: 1e9, throttleRequestsMin: 1e9 };

describe("a half-open breaker", () => {
  /** Half-open, with a buyer whose Lots are the supplier's. */
  function onTrial(sla: object = {}) {
    const serving = createServingMarket({ ...UNSUSPENDED, ...sla });
    serving.fail(5);
    serving.market.advance(30_000);
    expect(serving.standing.breaker).toEqual({ phase: "half-open", openings: 1, trials: [] });
    return serving;
  }

  test("lets as many deliveries be tried at once as the policy says, three where it says nothing", () => {
    for (const [sla, trials] of [
      [{}, 3],
      [{ breakerTrialsMax: 1 }, 1],
    ] as const) {
      const { market, buyer } = onTrial(sla);
      for (let n = 0; n < trials; n += 1) market.reserve(buyer, 100, 100);
      expect(market.tryReserve(buyer, 100, 100)).toMatchObject({
        rejection: { code: "no-supplier" },
      });
    }
  });

  test("has others cover what is more, at the supplier's cost, and sells none of it in Auto Mode", () => {
    const { market, buyer, supplier } = onTrial({ breakerTrialsMax: 1 });
    market.run({ type: "fund-exchange", fund: "cover", amountMicros: 1_000_000n, reference: "f" });
    market.ask(supplier, DOLLAR, UNIT);
    const other = market.supplier("T");
    market.ask(other.account, DOLLAR + 1_000, UNIT);
    market.reserve(buyer, 100, 100);
    market.reserve(buyer, 100, 100);
    expect(market.events.filter(({ type }) => type === "attempt-failed")).toMatchObject([
      { supplier, cause: "supplier-paused", remedy: "cover", chargeMaxMicros: 22n },
    ]);
    const auto = market.account("A", 1_000_000n);
    market.reserve(auto, 100, 100);
    expect(market.events.at(-1)).toMatchObject({
      type: "delivery-reserved",
      supplier: other.account,
    });
  });

  test("frees a trial's place with its verdict, an excused one too, and is decided by the others", () => {
    const { market, buyer, end, standing } = onTrial({ breakerTrialsMax: 1 });
    end("excused", "client-gone");
    expect(standing.breaker).toMatchObject({ phase: "half-open", trials: [] });
    const { delivery } = market.reserve(buyer, 100, 100);
    expect(standing.breaker).toMatchObject({ trials: [delivery] });
  });

  test("is not decided by what was sent before it opened, nor by what was not sent", () => {
    const { market, buyer, supplier, fail, standing } = createServingMarket(UNSUSPENDED);
    market.run({ type: "fund-exchange", fund: "cover", amountMicros: 1_000_000n, reference: "f" });
    const other = market.supplier("T");
    market.ask(other.account, DOLLAR, 10 * UNIT);
    const before = market.reserve(buyer, 100, 100);
    fail(5);
    const passedOver = market.reserve(buyer, 100, 100);
    expect(passedOver.supplier).toBe(other.account);
    market.advance(30_000);
    for (const { delivery, attempt } of [before, passedOver]) {
      const how = { verdict: "failed", cause: "backend-failed", completionTokens: 0 } as const;
      market.run({ type: "release-delivery", delivery, attempt, ...how });
    }
    expect(standing).toMatchObject({ account: supplier, breaker: { phase: "half-open" } });
  });

  test("is the same after a restart", () => {
    const { market, buyer } = onTrial({ breakerTrialsMax: 2 });
    market.reserve(buyer, 100, 100);
    const restored = market.restored();
    restored.reserve(buyer, 100, 100);
    expect(restored.tryReserve(buyer, 100, 100)).toMatchObject({
      rejection: { code: "no-supplier" },
    });
  });
});

test("a delivery that a paused supplier was not sent counts in the window, and not for its standing", () => {
  const { market, buyer, fail, standing } = createServingMarket(UNSUSPENDED);
  market.run({ type: "fund-exchange", fund: "cover", amountMicros: 1_000_000n, reference: "f" });
  market.ask(market.supplier("T").account, DOLLAR, 10 * UNIT);
  fail(5);
  const { delivery, attempt } = market.reserve(buyer, 100, 100);
  const how = { verdict: "excused", cause: "client-gone", completionTokens: 0 } as const;
  market.run({ type: "release-delivery", delivery, attempt, ...how });
  expect(standing.card?.failed.requests).toBe(6);
  expect(standing.inTier).toEqual({ scored: 5, failed: 5 });
  expect(standing.rolling).toMatchObject([{ scored: 5, failed: 5 }]);
});
