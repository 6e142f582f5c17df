/** The lowest and highest price of each minute with fills, for an hour: what price moves are measured by. */
import type { InstrumentState } from "#exchange/core/state.ts";
import type { SafetyPolicy } from "./safety-policy.ts";

export interface PriceSpan {
  /** Of its first fill; it ends with that minute, or where an auction begins to uncross. */
  fromMs: number;
  fromTrade: number;
  lowTicks: number;
  highTicks: number;
}

const MINUTE_MS = 60_000;
const KEPT_MS = 3_600_000;

type Priced = Pick<InstrumentState, "spans" | "trading">;

const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS);

/** Takes a fill in; what is older than an hour, to the minute, makes room. */
export function rememberPrice(
  { spans, trading }: Priced,
  { priceTicks, trade, atMs }: { priceTicks: number; trade: number; atMs: number },
): void {
  const last = spans.at(-1);
  if (
    last !== undefined &&
    last.fromTrade >= trading.pricesFromTrade &&
    minuteOf(last.fromMs) === minuteOf(atMs)
  ) {
    if (priceTicks < last.lowTicks) last.lowTicks = priceTicks;
    else if (priceTicks > last.highTicks) last.highTicks = priceTicks;
    return;
  }
  spans.push({ fromMs: atMs, fromTrade: trade, lowTicks: priceTicks, highTicks: priceTicks });
  const oldest = minuteOf(atMs - KEPT_MS);
  while (minuteOf(spans[0]?.fromMs ?? atMs) < oldest) spans.shift();
}

/** The lowest price since a time, that whole minute included; Infinity when there was none. */
export function lowestTicks({ spans }: Pick<Priced, "spans">, sinceMs: number): number {
  const first = minuteOf(sinceMs);
  let lowest = Number.POSITIVE_INFINITY;
  for (let at = spans.length - 1; at >= 0; at -= 1) {
    const span = spans[at] as PriceSpan;
    if (minuteOf(span.fromMs) < first) break;
    if (span.lowTicks < lowest) lowest = span.lowTicks;
  }
  return lowest;
}

/** The highest price since a time, that whole minute included; 0 when there was none. */
export function highestTicks({ spans }: Pick<Priced, "spans">, sinceMs: number): number {
  const first = minuteOf(sinceMs);
  let highest = 0;
  for (let at = spans.length - 1; at >= 0; at -= 1) {
    const span = spans[at] as PriceSpan;
    if (minuteOf(span.fromMs) < first) break;
    if (span.highTicks > highest) highest = span.highTicks;
  }
  return highest;
}

/** Whether a price has moved further than a breaker allows, within its time or since the last auction. */
export function movedTooFar(
  { spans, trading }: Priced,
  breakers: SafetyPolicy["breakers"],
  priceTicks: number,
  nowMs: number,
): boolean {
  for (const { withinMs, moveBps } of breakers) {
    const first = minuteOf(nowMs - withinMs);
    const scaledTicks = priceTicks * 10_000;
    for (let at = spans.length - 1; at >= 0; at -= 1) {
      const span = spans[at] as PriceSpan;
      if (span.fromTrade < trading.pricesFromTrade || minuteOf(span.fromMs) < first) break;
      if (scaledTicks > span.lowTicks * (10_000 + moveBps)) return true;
      if (scaledTicks < span.highTicks * (10_000 - moveBps)) return true;
    }
  }
  return false;
}
