import { expect, test } from "vitest";
import type { AttemptClock } from "./delivery-port.ts";
import { type MeasuredFacts, measuredOf } from "./measured.ts";

const clock: AttemptClock = {
  dispatchedMs: 1_000,
  acceptedMs: 1_020,
  firstOutputMs: 1_500,
  lastOutputMs: 3_500,
  rttMs: 40,
};
const facts: MeasuredFacts = {
  streamed: true,
  outputTokens: 101,
  clientWaitMs: 0,
  exchangeLateMs: 2,
  roundTripMsMax: 100,
  firstTokenMsMax: 300,
};
const none = { firstTokenMs: null, tokensPerSecond: null };

test.each<[string, Partial<AttemptClock>, Partial<MeasuredFacts>, object]>([
  [
    "round trip and own lateness are not the supplier's",
    {},
    {},
    { firstTokenMs: 458, tokensPerSecond: 50 },
  ],
  ["a link that is far away is taken off in part", { rttMs: 400 }, {}, { firstTokenMs: 398 }],
  ["a link that was never measured takes nothing off", { rttMs: null }, {}, { firstTokenMs: 498 }],
  [
    "time that the client slept is left out of the speed",
    {},
    { clientWaitMs: 1_000 },
    { tokensPerSecond: 100 },
  ],
  [
    "an answer faster than the round trip took no time",
    { firstOutputMs: 1_010 },
    {},
    { firstTokenMs: 0 },
  ],
  ["one token has no speed", {}, { outputTokens: 1 }, { tokensPerSecond: null }],
  ["all at once has no speed", { lastOutputMs: 1_500 }, {}, { tokensPerSecond: null }],
  [
    "an attempt that sent nothing is not measured",
    { firstOutputMs: null, lastOutputMs: null },
    {},
    none,
  ],
  ["one that was never sent is not measured", { dispatchedMs: null }, {}, none],
  [
    "an answer that is not streamed has the time beyond the ceiling to be made in",
    { firstOutputMs: 3_342, lastOutputMs: 3_342 },
    { streamed: false, outputTokens: 100 },
    { firstTokenMs: null, tokensPerSecond: 50 },
  ],
  [
    "and is no faster for a first byte that came early",
    { firstOutputMs: 1_001, lastOutputMs: 3_342 },
    { streamed: false, outputTokens: 100 },
    { firstTokenMs: null, tokensPerSecond: 50 },
  ],
  [
    "and no speed when it came within the ceiling",
    { firstOutputMs: 1_200, lastOutputMs: 1_200 },
    { streamed: false },
    none,
  ],
])("%s", (_claim, at, given, expected) => {
  expect(measuredOf({ ...clock, ...at }, { ...facts, ...given })).toMatchObject(expected);
});
