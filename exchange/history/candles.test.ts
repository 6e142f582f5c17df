import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { instruments } from "#exchange/core/core.fixture.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { openNativeDatabase } from "#exchange/database.ts";
import { type Candle, createCandleProjector, createCandleQueries } from "./candles.ts";
import { candleEndMs, candleStartMs, RESOLUTIONS, type Resolution } from "./candles-times.ts";
import { candleView } from "./candles-view.ts";
import { handle } from "./projector.ts";
import { HISTORY_SCHEMA } from "./schema.ts";

const START_MS = Date.UTC(2026, 11, 30, 23, 50);
const SEED = Number(process.env.SEED ?? Math.trunc(Math.random() * 2 ** 31));
const WHOLE = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

interface Deal {
  symbol: string;
  atMs: number;
  priceTicks: number;
  quantity: number;
}

const db = openNativeDatabase(":memory:");
afterAll(() => db.close());

/** A read model of its own, and a way to give it trades in portions. */
function opened() {
  db.exec("DROP TABLE IF EXISTS candles");
  const [table] = HISTORY_SCHEMA.match(/CREATE TABLE candles[^;]*;/) ?? [""];
  db.exec(table);
  const projector = createCandleProjector(db);
  return {
    ...createCandleQueries(db),
    forget: projector.forget,
    take(deals: readonly Deal[], flush = true) {
      for (const deal of deals) handle(projector.handlers, { type: "trade", ...deal } as CoreEvent);
      if (flush) projector.flush();
    },
  };
}

/** The same again, without thinking of portions: all trades of a market, candle by candle. */
function folded(deals: readonly Deal[], symbol: string, resolution: Resolution): Candle[] {
  const own = deals.filter((deal) => deal.symbol === symbol);
  const starts = [...new Set(own.map(({ atMs }) => candleStartMs(resolution, atMs)))];
  return starts.map((startMs) => {
    const inside = own.filter(
      ({ atMs }) => atMs >= startMs && atMs < candleEndMs(resolution, startMs),
    );
    const prices = inside.map(({ priceTicks }) => priceTicks);
    return {
      startMs,
      open: prices[0] as number,
      high: Math.max(...prices),
      low: Math.min(...prices),
      close: prices.at(-1) as number,
      quantity: inside.reduce((sum, { quantity }) => sum + quantity, 0),
      trades: inside.length,
    };
  });
}

const deal = (atMs: number, priceTicks: number, quantity = 1): Deal => {
  return { symbol: "text-lite", atMs, priceTicks, quantity };
};

describe("candles", () => {
  test(`are what all trades fold to, in whatever portions they came (SEED=${SEED})`, () => {
    const deals = fc.array(
      fc.record({
        symbol: fc.constantFrom("text-lite", "text-prime"),
        waitMs: fc.constantFrom(0, 1, 999, 59_000, 600_000, 86_399_999, 86_400_000 * 9),
        priceTicks: fc.integer({ min: 1, max: 500 }),
        quantity: fc.integer({ min: 1, max: 100 }),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(deals, fc.array(fc.nat(5), { maxLength: 40 }), (drawn, portions) => {
        let atMs = START_MS;
        const all = drawn.map(({ waitMs, ...rest }) => {
          atMs += waitMs;
          return { ...rest, atMs };
        });
        const model = opened();
        let done = 0;
        for (const size of portions) {
          model.take(all.slice(done, done + size));
          done += size;
        }
        model.take(all.slice(done));
        for (const symbol of ["text-lite", "text-prime"]) {
          for (const resolution of RESOLUTIONS) {
            expect(model.candles(symbol, resolution, WHOLE)).toEqual(
              folded(all, symbol, resolution),
            );
          }
        }
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  test("of a portion that is rolled back leave nothing behind", () => {
    const model = opened();
    model.take([deal(START_MS, 5)], false);
    model.forget();
    model.take([deal(START_MS + 1, 7)]);
    expect(model.candles("text-lite", "1m", WHOLE)).toMatchObject([{ open: 7, trades: 1 }]);
  });

  test("are given from the newest, as many as asked for, oldest first", () => {
    const model = opened();
    const minutes = [0, 1, 2, 3].map((at) => START_MS + at * 60_000);
    model.take(minutes.map((atMs, at) => deal(atMs, at + 1)));
    const open = (wish: { fromMs: number; toMs: number; limit?: number }) =>
      model.candles("text-lite", "1m", wish).map((candle) => candle.open);
    expect(open(WHOLE)).toEqual([1, 2, 3, 4]);
    expect(open({ ...WHOLE, limit: 2 })).toEqual([3, 4]);
    expect(open({ fromMs: minutes[1] as number, toMs: minutes[2] as number })).toEqual([2, 3]);
    expect(model.candles("text-prime", "1m", WHOLE)).toEqual([]);
  });

  test("show decimals, and their beginning in unix seconds", () => {
    const instrument = instruments.find(({ symbol }) => symbol === "text-lite");
    if (instrument === undefined) throw new Error("no text-lite");
    const candle = { startMs: START_MS, open: 9_999, high: 10_001, low: 1, close: 10_000 };
    expect(
      candleView({ number: 1, instrument }, "5m", { ...candle, quantity: 150, trades: 3 }),
    ).toEqual({
      market_id: "market_00000000-0000-4000-8000-000000000001",
      resolution: "5m",
      time: START_MS / 1_000,
      open: "0.9999",
      high: "1.0001",
      low: "0.0001",
      close: "1.0000",
      volume: "1.5",
      trade_count: 3,
    });
  });
});
