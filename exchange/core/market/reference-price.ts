/**
 * The reference price of an instrument: the median of its recent fills, so that one odd trade moves
 * neither cover nor charges. Fills of the exchange itself do not count: it buys when somebody failed.
 */
import type { InstrumentState } from "#exchange/core/state.ts";

/** Fills that are remembered; the median of an odd number is one of them. */
export const RECENT_FILLS_MAX = 21;
/** Fewer fills than this are no reference. */
export const FILLS_MIN = 5;
/** Older fills do not count. */
export const REFERENCE_AGE_MS_MAX = 3_600_000;

/** In ticks; null while too few fills are recent. */
export function referencePriceTicks(
  { recentFills }: Pick<InstrumentState, "recentFills">,
  nowMs: number,
): number | null {
  const prices = recentFills
    .filter(({ atMs }) => nowMs - atMs <= REFERENCE_AGE_MS_MAX)
    .map(({ priceTicks }) => priceTicks)
    .sort((a, b) => a - b);
  return prices.length < FILLS_MIN ? null : (prices[prices.length >> 1] ?? null);
}

/** Takes a fill in; the oldest makes room. */
export function rememberFill(listed: InstrumentState, priceTicks: number, atMs: number): void {
  listed.recentFills.push({ priceTicks, atMs });
  if (listed.recentFills.length > RECENT_FILLS_MAX) listed.recentFills.shift();
}
