/** The last 24 hours of a market, from its minute candles: what ticker, statistics and instruments show. */
import type { CandleQueries } from "#exchange/history/candles.ts";
import { candleStartMs } from "#exchange/history/candles-times.ts";

const DAY_MS = 86_400_000;
/** History gives at most 1,000 candles at a time, and a day has 1,440 minutes. */
const HALF_DAY_MS = DAY_MS / 2;

/** In book integers. Prices are null when nothing was traded. */
export interface Day {
  highTicks: number | null;
  lowTicks: number | null;
  /** Of the first trade in it: what the change is measured from. */
  openTicks: number | null;
  quantity: number;
  trades: number;
}

/** To the minute: the day begins with the minute that was 24 hours ago. */
export function dayOf(history: CandleQueries, symbol: string, nowMs: number): Day {
  const fromMs = candleStartMs("1m", nowMs - DAY_MS);
  const middleMs = fromMs + HALF_DAY_MS;
  const candles = [
    ...history.candles(symbol, "1m", { fromMs, toMs: middleMs - 1 }),
    ...history.candles(symbol, "1m", { fromMs: middleMs, toMs: nowMs }),
  ];
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
