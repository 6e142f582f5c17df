import { describe, expect, test } from "vitest";
import { instruments, policy } from "#exchange/core/core.fixture.ts";
import type { Instrument } from "#protocol/instrument.ts";
import { firstTokenLimitMs, imputed, judge } from "./judge.ts";

const { sla } = policy;
const prime = instruments.find(({ symbol }) => symbol === "text-prime") as Instrument;
const tokens = { promptTokens: 500, completionTokens: 100 };

test("the ceiling for a first token grows by 0.25 ms per prompt token beyond 2,000", () => {
  expect(firstTokenLimitMs(prime, sla, 0)).toBe(4_620);
  expect(firstTokenLimitMs(prime, sla, 2_000)).toBe(4_620);
  expect(firstTokenLimitMs(prime, sla, 2_001)).toBe(4_620);
  expect(firstTokenLimitMs(prime, sla, 10_000)).toBe(6_620);
});

describe("text-prime promises a first token in 4,620 ms and 40 tokens/s", () => {
  test.each`
    what                                       | first     | speed   | output | prompt    | verdict   | bps
    ${"well within both"}                      | ${800}    | ${85}   | ${100} | ${500}    | ${"good"} | ${0}
    ${"exactly at both"}                       | ${4_620}  | ${40}   | ${100} | ${500}    | ${"good"} | ${0}
    ${"late by less than a tenth"}             | ${5_081}  | ${85}   | ${100} | ${500}    | ${"good"} | ${0}
    ${"late by a tenth"}                       | ${5_082}  | ${85}   | ${100} | ${500}    | ${"slow"} | ${1_000}
    ${"late by a half"}                        | ${6_930}  | ${85}   | ${100} | ${500}    | ${"slow"} | ${5_000}
    ${"late beyond all measure"}               | ${99_999} | ${85}   | ${100} | ${500}    | ${"slow"} | ${10_000}
    ${"late, but the prompt was long"}         | ${6_620}  | ${85}   | ${100} | ${10_000} | ${"good"} | ${0}
    ${"at half the speed"}                     | ${800}    | ${20}   | ${100} | ${500}    | ${"slow"} | ${5_000}
    ${"a little under the speed"}              | ${800}    | ${36.1} | ${100} | ${500}    | ${"good"} | ${0}
    ${"slow twice over: the worse one counts"} | ${6_930}  | ${30}   | ${100} | ${500}    | ${"slow"} | ${5_000}
    ${"slow in an answer too short to say"}    | ${800}    | ${1}    | ${31}  | ${500}    | ${"good"} | ${0}
    ${"slow in the shortest answer that says"} | ${800}    | ${20}   | ${32}  | ${500}    | ${"slow"} | ${5_000}
    ${"not measured at all"}                   | ${null}   | ${null} | ${100} | ${500}    | ${"good"} | ${0}
    ${"first token only"}                      | ${6_930}  | ${null} | ${100} | ${500}    | ${"slow"} | ${5_000}
  `("$what: $verdict", ({ first, speed, output, prompt, verdict, bps }) => {
    const measured = { firstTokenMs: first, tokensPerSecond: speed };
    const counted = { promptTokens: prompt, completionTokens: output };
    const judged = judge(measured, counted, prime, sla);
    expect([judged.verdict, judged.slownessBps]).toEqual([verdict, bps]);
  });
});

test("why names the limit and the figure", () => {
  const why = (firstTokenMs: number | null, tokensPerSecond: number | null) =>
    judge({ firstTokenMs, tokensPerSecond }, tokens, prime, sla).why;
  expect(why(811.6, 85.26)).toBe(
    "first token after 812 ms, limit 4620 ms; 85.3 tokens/s, at least 40",
  );
  expect(why(6_930, null)).toBe(
    "first token after 6930 ms, limit 4620 ms; speed not scored; 50 % beyond",
  );
  expect(why(null, null)).toBe("first token not measured; speed not scored");
});

describe("a failed attempt counts for its prompt and what would have come", () => {
  const delivery = {
    promptTokens: 1_000,
    choices: 1,
    maxOutputTokens: 4_000,
    parts: [{ lot: 1, tokens: 5_000, priceTicks: 10_000 }],
    owed: null,
  };
  const of = (change: Partial<Parameters<typeof imputed>[0]>, streamed = 0) =>
    imputed({ ...delivery, ...change }, prime, sla, streamed);

  test.each([
    ["512 tokens of output, whatever its maximum", {}, 0, 1_512, 1_512n],
    ["its maximum where that is less", { maxOutputTokens: 100 }, 0, 1_100, 1_100n],
    ["all choices together", { maxOutputTokens: 100, choices: 3 }, 0, 1_300, 1_300n],
    ["what came, where that is more", {}, 3_000, 4_000, 4_000n],
  ])("%s", (_what, change, streamed, counted, valueMicros) => {
    expect(of(change, streamed)).toEqual({ tokens: counted, valueMicros });
  });

  test("at the price of the Lots that the buyer pays with, each for its tokens, rounded down", () => {
    const parts = [
      { lot: 1, tokens: 1_200, priceTicks: 10_000 },
      { lot: 2, tokens: 3_800, priceTicks: 20_001 },
    ];
    // 1,200 at 1.00 and 312 at 2.0001 per Unit.
    expect(of({ parts }).valueMicros).toBe(1_824n);
    const owed = { supplier: 7, parts: [{ lot: 9, tokens: 5_000, priceTicks: 5_000 }] };
    expect(of({ parts, owed }).valueMicros).toBe(756n);
    expect(of({ parts: [] }).valueMicros).toBe(0n);
  });
});
