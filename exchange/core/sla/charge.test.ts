import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { policy } from "#exchange/core/core.fixture.ts";
import { chargeOf, shareOut, type WindowFigures } from "./charge.ts";

const { sla } = policy;

/** At 1.00 per Unit a token is worth a micro-dollar. */
function failing(failedTokens: number, change: Partial<WindowFigures> = {}): WindowFigures {
  return {
    deliveredTokens: 1_900_000,
    failedTokens,
    deliveredRequests: 1_900,
    slowRequests: 0,
    failedMicros: BigInt(failedTokens),
    lotsMicros: 10_000_000n,
    errorRateMax: 0.01,
    strikes: 0,
    buyers: [{ account: 2, failedMicros: BigInt(failedTokens), slowMicros: 0n }],
    ...change,
  };
}

describe("worked figures: 1.9 million good tokens at 1.00 per Unit, one failure in a hundred allowed", () => {
  test.each([
    ["no failure", 0, 0n],
    ["1 %: the budget is free", 19_191, 0n],
    ["5 %: 0.10 failed, 0.08 beyond the budget, times 0.9", 100_000, 72_000n],
    ["20 %: 0.475 failed, 0.45125 beyond, times 2.4", 475_000, 1_083_000n],
    ["50 %: the multiple stays at 3", 1_900_000, 5_586_000n],
  ])("%s", (_what, failedTokens, penaltyMicros) => {
    expect(chargeOf(failing(failedTokens), sla)).toMatchObject({
      penaltyMicros,
      chargeMicros: penaltyMicros,
    });
  });

  test("the second window in a row costs half as much again, the third and later ones double", () => {
    const charges = [0, 1, 2, 9].map(
      (strikes) => chargeOf(failing(100_000, { strikes }), sla).chargeMicros,
    );
    expect(charges).toEqual([72_000n, 108_000n, 144_000n, 144_000n]);
  });

  test("no more than twice the Lots that were open", () => {
    const charge = chargeOf(failing(475_000, { lotsMicros: 300_000n }), sla);
    expect(charge).toMatchObject({ capMicros: 600_000n, chargeMicros: 600_000n });
    expect(charge.penaltyMicros).toBe(1_083_000n);
  });
});

describe("slow deliveries", () => {
  const slow = (slowRequests: number) =>
    chargeOf(
      failing(0, {
        deliveredRequests: 100,
        slowRequests,
        buyers: [{ account: 2, failedMicros: 0n, slowMicros: 40_000n }],
      }),
      sla,
    ).slowCreditMicros;

  test("cost nothing up to 5 in 100", () => expect(slow(5)).toBe(0n));
  test("beyond it, half of their slowness, for the share beyond: 10 in 100 is one half", () => {
    expect(slow(10)).toBe(10_000n);
  });
});

describe("what is collected", () => {
  const two: Partial<WindowFigures> = {
    buyers: [
      { account: 2, failedMicros: 75_000n, slowMicros: 0n },
      { account: 5, failedMicros: 25_000n, slowMicros: 0n },
    ],
  };
  const figures = failing(100_000, two);
  const charge = chargeOf(figures, sla);

  test("goes to the buyers by what failed them, a quarter of it at most, the rest to the fund", () => {
    expect(shareOut(72_000n, figures, charge, sla)).toEqual({
      credits: [
        { account: 2, slowMicros: 0n, compensationMicros: 18_750n },
        { account: 5, slowMicros: 0n, compensationMicros: 6_250n },
      ],
      toGuarantyMicros: 47_000n,
    });
  });

  test("to the buyers first when not all of it could be collected", () => {
    const { credits, toGuarantyMicros } = shareOut(10_000n, figures, charge, sla);
    expect(credits.map(({ compensationMicros }) => compensationMicros)).toEqual([7_500n, 2_500n]);
    expect(toGuarantyMicros).toBe(0n);
  });

  test("nothing is nothing", () => {
    expect(shareOut(0n, figures, charge, sla)).toEqual({ credits: [], toGuarantyMicros: 0n });
  });
});

const micros = fc.bigInt({ min: 0n, max: 10_000_000_000n });
const windows: fc.Arbitrary<WindowFigures> = fc
  .record({
    deliveredTokens: fc.nat(10_000_000_000),
    failedTokens: fc.nat(1_000_000_000),
    deliveredRequests: fc.nat(1_000_000),
    slowShare: fc.double({ min: 0, max: 1, noNaN: true }),
    lotsMicros: micros,
    errorRateMax: fc.constantFrom(0, 0.01, 0.02, 0.5, 1),
    strikes: fc.nat(5),
    losses: fc.array(fc.record({ failedMicros: micros, slowMicros: micros }), { maxLength: 6 }),
  })
  .map(({ slowShare, losses, ...figures }) => {
    const some = figures.failedTokens > 0;
    const buyers = losses.map((loss, at) => ({
      account: at + 1,
      failedMicros: some ? loss.failedMicros : 0n,
      slowMicros: loss.slowMicros,
    }));
    const failedMicros = buyers.reduce((sum, buyer) => sum + buyer.failedMicros, 0n);
    const slowRequests = Math.floor(figures.deliveredRequests * slowShare);
    return { ...figures, slowRequests, buyers, failedMicros };
  });

describe("of any window", () => {
  test("the charge is never above its cap, and nothing is charged for nothing", () => {
    fc.assert(
      fc.property(windows, (figures) => {
        const charge = chargeOf(figures, sla);
        expect(charge.chargeMicros).toBeLessThanOrEqual(charge.capMicros);
        expect(charge.penaltyMicros).toBeLessThanOrEqual(figures.failedMicros * 6n);
        expect(charge.shortMicros).toBeLessThanOrEqual(figures.failedMicros);
        if (figures.failedTokens === 0) expect(charge.penaltyMicros).toBe(0n);
        if (figures.slowRequests === 0) expect(charge.slowCreditMicros).toBe(0n);
      }),
    );
  });

  test("one more failure never makes it cheaper", () => {
    fc.assert(
      fc.property(windows, fc.nat(1_000_000), micros, (figures, tokens, value) => {
        const [first, ...others] = figures.buyers;
        fc.pre(first !== undefined && tokens > 0);
        const worse = {
          ...figures,
          failedTokens: figures.failedTokens + tokens,
          failedMicros: figures.failedMicros + value,
          buyers: [{ ...first, failedMicros: first.failedMicros + value }, ...others],
        };
        const [before, after] = [chargeOf(figures, sla), chargeOf(worse, sla)];
        expect(after.penaltyMicros).toBeGreaterThanOrEqual(before.penaltyMicros);
        expect(after.chargeMicros).toBeGreaterThanOrEqual(before.chargeMicros);
      }),
    );
  });

  test("what is handed on is what was collected, to the micro-dollar, and compensation is bounded", () => {
    fc.assert(
      fc.property(windows, fc.nat(10_000), (figures, shareBps) => {
        const charge = chargeOf(figures, sla);
        const collected = (charge.chargeMicros * BigInt(shareBps)) / 10_000n;
        const { credits, toGuarantyMicros } = shareOut(collected, figures, charge, sla);
        let handedOn = toGuarantyMicros;
        for (const { account, slowMicros, compensationMicros } of credits) {
          handedOn += slowMicros + compensationMicros;
          const loss = figures.buyers[account - 1];
          expect(compensationMicros).toBeLessThanOrEqual((loss?.failedMicros ?? 0n) / 4n + 1n);
        }
        expect(handedOn).toBe(collected);
        expect(toGuarantyMicros).toBeGreaterThanOrEqual(0n);
      }),
    );
  });
});
