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

/** The lowest and highest price since a time, that whole minute included; null when there was none. */
export function priceRange({ spans }: Pick<Priced, "spans">, sinceMs: number, fromTrade = 0) {
  const first = minuteOf(sinceMs);
  let range: { lowTicks: number; highTicks: number } | null = null;
  for (let at = spans.length - 1; at >= 0; at -= 1) {
    const each = spans[at] as PriceSpan;
    if (each.fromTrade < fromTrade || minuteOf(each.fromMs) < first) break;
    if (range === null) range = { lowTicks: each.lowTicks, highTicks: each.highTicks };
    if (each.lowTicks < range.lowTicks) range.lowTicks = each.lowTicks;
    if (each.highTicks > range.highTicks) range.highTicks = each.highTicks;
  }
  return range;
}

/** Whether a price has moved further than a breaker allows, within its time or since the last auction. */
export function movedTooFar(
  listed: Priced,
  breakers: SafetyPolicy["breakers"],
  priceTicks: number,
  nowMs: number,
): boolean {
  return breakers.some(({ withinMs, moveBps }) => {
    const range = priceRange(listed, nowMs - withinMs, listed.trading.pricesFromTrade);
    if (range === null) return false;
    return (
      priceTicks * 10_000 > range.lowTicks * (10_000 + moveBps) ||
      priceTicks * 10_000 < range.highTicks * (10_000 - moveBps)
    );
  });
}
