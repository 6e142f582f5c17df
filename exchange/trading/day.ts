/**
 * The last 24 hours of a market, from its minute candles: what ticker, statistics and instruments show.
 * A minute that is long over does not change, so it is read from history once, not once per request.
 */
import type { Candle, CandleQueries } from "#exchange/history/candles.ts";
import { candleStartMs } from "#exchange/history/candles-times.ts";

const DAY_MS = 86_400_000;
/** History gives at most 1,000 candles at a time, and a day has 1,440 minutes. */
const HALF_DAY_MS = DAY_MS / 2;
/** How long a minute that is over may still grow: history knows what is durable, our time is the core's. */
const SETTLING_MS = 60_000;

/** In book integers. Prices are null when nothing was traded. */
export interface Day {
  highTicks: number | null;
  lowTicks: number | null;
  /** Of the first trade in it: what the change is measured from. */
  openTicks: number | null;
  quantity: number;
  trades: number;
}

/** The 24 hours of a market that end now, to the minute: they begin with the minute of a day ago. */
export type Days = (symbol: string, nowMs: number) => Day;

interface Minutes {
  /** Oldest first. */
  candles: Candle[];
  /** Minutes before this one are complete. */
  completeToMs: number;
}

export function createDays(history: CandleQueries): Days {
  const kept = new Map<string, Minutes>();

  function read(symbol: string, fromMs: number, toMs: number): Candle[] {
    const middleMs = fromMs + HALF_DAY_MS;
    if (toMs < middleMs) return history.candles(symbol, "1m", { fromMs, toMs });
    return [
      ...history.candles(symbol, "1m", { fromMs, toMs: middleMs - 1 }),
      ...history.candles(symbol, "1m", { fromMs: middleMs, toMs }),
    ];
  }

  return (symbol, nowMs) => {
    const fromMs = candleStartMs("1m", nowMs - DAY_MS);
    const { candles, completeToMs } = kept.get(symbol) ?? { candles: [], completeToMs: fromMs };
    const readFromMs = Math.max(fromMs, completeToMs);
    const still = candles.filter(({ startMs }) => startMs >= fromMs && startMs < readFromMs);
    const minutes = [...still, ...read(symbol, readFromMs, nowMs)];
    kept.set(symbol, { candles: minutes, completeToMs: candleStartMs("1m", nowMs - SETTLING_MS) });
    return sumOf(minutes);
  };
}

function sumOf(candles: readonly Candle[]): Day {
  const day: Day = { highTicks: null, lowTicks: null, openTicks: null, quantity: 0, trades: 0 };
  for (const { open, high, low, quantity, trades } of candles) {
    day.openTicks ??= open;
    day.highTicks = Math.max(day.highTicks ?? high, high);
    day.lowTicks = Math.min(day.lowTicks ?? low, low);
    day.quantity += quantity;
    day.trades += trades;
  }
  return day;
}
