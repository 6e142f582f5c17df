/** The 24 hours of a market against the same again, read whole each time. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Candle, CandleQueries } from "#exchange/history/candles.ts";
import { createDays, type Day } from "./day.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const START_MS = 20_000 * DAY_MS;

/** A history of trades that gives at most 1,000 candles, the newest, and counts what it gives. */
function tradedHistory() {
  const trades: { atMs: number; ticks: number }[] = [];
  const given = { candles: 0 };
  const queries: CandleQueries = {
    candles(_symbol, _resolution, { fromMs, toMs }) {
      const minutes = new Map<number, Candle>();
      for (const { atMs, ticks } of trades) {
        const startMs = atMs - (atMs % MINUTE_MS);
        if (startMs < fromMs || startMs > toMs) continue;
        const candle = minutes.get(startMs);
        if (candle === undefined) {
          const price = { open: ticks, high: ticks, low: ticks, close: ticks };
          minutes.set(startMs, { startMs, ...price, quantity: 1, trades: 1 });
          continue;
        }
        candle.high = Math.max(candle.high, ticks);
        candle.low = Math.min(candle.low, ticks);
        candle.close = ticks;
        candle.quantity += 1;
        candle.trades += 1;
      }
      const found = [...minutes.values()].slice(-1_000);
      given.candles += found.length;
      return found;
    },
  };
  return { trades, given, queries };
}

function naiveDay(trades: { atMs: number; ticks: number }[], nowMs: number): Day {
  const fromMs = nowMs - DAY_MS - ((nowMs - DAY_MS) % MINUTE_MS);
  const within = trades.filter(({ atMs }) => atMs >= fromMs).map(({ ticks }) => ticks);
  return {
    openTicks: within[0] ?? null,
    highTicks: within.length === 0 ? null : Math.max(...within),
    lowTicks: within.length === 0 ? null : Math.min(...within),
    quantity: within.length,
    trades: within.length,
  };
}

test("whenever it is asked, it is what all trades of the day give", () => {
  const step = fc.record({
    waitMs: fc.oneof(fc.integer({ min: 0, max: 90_000 }), fc.integer({ min: 0, max: 2 * DAY_MS })),
    ticks: fc.integer({ min: 1, max: 50 }),
    isAsked: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { trades, queries } = tradedHistory();
      const days = createDays(queries);
      let nowMs = START_MS;
      for (const { waitMs, ticks, isAsked } of steps) {
        nowMs += waitMs;
        trades.push({ atMs: nowMs, ticks });
        if (isAsked) expect(days("text-lite", nowMs)).toEqual(naiveDay(trades, nowMs));
      }
      expect(days("text-lite", nowMs)).toEqual(naiveDay(trades, nowMs));
    }),
    { numRuns: 200 },
  );
});

test("a full day of 1,440 minutes is seen whole, and read once", () => {
  const { trades, given, queries } = tradedHistory();
  for (let minute = 0; minute < 1_440; minute += 1) {
    trades.push({ atMs: START_MS + minute * MINUTE_MS, ticks: 1 + minute });
  }
  const days = createDays(queries);
  const nowMs = START_MS + DAY_MS - 1;
  expect(days("text-lite", nowMs)).toMatchObject({ trades: 1_440, lowTicks: 1, highTicks: 1_440 });
  expect(given.candles).toBe(1_440);
  expect(days("text-lite", nowMs).trades).toBe(1_440);
  expect(given.candles).toBe(1_442);
});

test("a trade that history learns of a moment after its minute is counted", () => {
  const { trades, queries } = tradedHistory();
  const days = createDays(queries);
  expect(days("text-lite", START_MS + MINUTE_MS).trades).toBe(0);
  trades.push({ atMs: START_MS + MINUTE_MS - 1, ticks: 5 });
  expect(days("text-lite", START_MS + MINUTE_MS + 1)).toMatchObject({ trades: 1, openTicks: 5 });
});
