/**
 * Candles of every market in nine resolutions, built from trades. A portion's trades are folded in
 * memory and added to the rows in the same transaction as the sequence that history stands at.
 */
import type { EventOf } from "#exchange/core/events.ts";
import type { SqliteDatabase } from "#exchange/database.ts";
import { candleEndMs, candleStartMs, RESOLUTIONS, type Resolution } from "./candles-times.ts";
import type { Projector } from "./projector.ts";

/** Candles of one answer. */
export const CANDLES_PER_QUERY_MAX = 1_000;

export const CANDLES_SCHEMA = `
  CREATE TABLE candles (
    symbol TEXT NOT NULL, resolution TEXT NOT NULL, start_ms INTEGER NOT NULL,
    open INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, close INTEGER NOT NULL,
    quantity INTEGER NOT NULL, trades INTEGER NOT NULL,
    PRIMARY KEY (symbol, resolution, start_ms)) STRICT, WITHOUT ROWID;
`;

/** One candle in book integers: prices in ticks, quantity in increments. */
export interface Candle {
  startMs: number;
  open: number;
  high: number;
  low: number;
  close: number;
  quantity: number;
  trades: number;
}

export interface CandleQueries {
  /**
   * Candles of a market that began from `fromMs` to `toMs`, both included, oldest first: the newest
   * `limit` of them. Times without trades have none.
   */
  candles(
    symbol: string,
    resolution: Resolution,
    wish: { fromMs: number; toMs: number; limit?: number },
  ): Candle[];
}

/** Folds one more trade into a candle. */
export function addTrade(candle: Candle, priceTicks: number, quantity: number): void {
  candle.high = Math.max(candle.high, priceTicks);
  candle.low = Math.min(candle.low, priceTicks);
  candle.close = priceTicks;
  candle.quantity += quantity;
  candle.trades += 1;
}

/** The candle of a first trade. */
export function candleOf(startMs: number, priceTicks: number, quantity: number): Candle {
  const [open, high, low, close] = [priceTicks, priceTicks, priceTicks, priceTicks];
  return { startMs, open, high, low, close, quantity, trades: 1 };
}

export function createCandleProjector(db: SqliteDatabase): Projector {
  const add = db.prepare(
    `INSERT INTO candles VALUES (@symbol, @resolution, @startMs, @open, @high, @low, @close, @quantity, @trades)
     ON CONFLICT DO UPDATE SET high = MAX(high, excluded.high), low = MIN(low, excluded.low),
       close = excluded.close, quantity = quantity + excluded.quantity,
       trades = trades + excluded.trades`,
  );
  /** What the portion adds, by market, then by resolution: its candles in their order. */
  const added = new Map<string, Candle[][]>();

  function take({ symbol, priceTicks, quantity, atMs }: EventOf<"trade">): void {
    let market = added.get(symbol);
    if (market === undefined) {
      market = RESOLUTIONS.map(() => []);
      added.set(symbol, market);
    }
    for (const [at, resolution] of RESOLUTIONS.entries()) {
      const candles = market[at] as Candle[];
      const last = candles.at(-1);
      // Time never goes back in the journal, so only the last one can be meant.
      if (last !== undefined && atMs < candleEndMs(resolution, last.startMs)) {
        addTrade(last, priceTicks, quantity);
      } else {
        candles.push(candleOf(candleStartMs(resolution, atMs), priceTicks, quantity));
      }
    }
  }

  return {
    handlers: { trade: take },
    flush() {
      for (const [symbol, market] of added) {
        for (const [at, resolution] of RESOLUTIONS.entries()) {
          for (const candle of market[at] as Candle[]) add.run({ symbol, resolution, ...candle });
        }
      }
      added.clear();
    },
    forget: () => added.clear(),
  };
}

export function createCandleQueries(db: SqliteDatabase): CandleQueries {
  const select = db.prepare(
    `SELECT start_ms AS startMs, open, high, low, close, quantity, trades FROM candles
     WHERE symbol = ? AND resolution = ? AND start_ms BETWEEN ? AND ?
     ORDER BY start_ms DESC LIMIT ?`,
  );
  return {
    candles(symbol, resolution, { fromMs, toMs, limit = CANDLES_PER_QUERY_MAX }) {
      const rows = Math.max(0, Math.min(limit, CANDLES_PER_QUERY_MAX));
      return (select.all(symbol, resolution, fromMs, toMs, rows) as Candle[]).reverse();
    },
  };
}
