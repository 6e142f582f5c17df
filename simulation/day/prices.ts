/** Prices that people of a simulated day think of. */
import type { Random } from "#simulation/random.ts";
import { MIDDLE_TICKS } from "./settings.ts";

/** Around the middle, by so many basis points at most. */
export function priceNear(random: Random, symbol: string, bps: number): number {
  const middle = MIDDLE_TICKS[symbol] ?? 1_000;
  return Math.max(1, Math.round((middle * (10_000 + random.between(-bps, bps))) / 10_000));
}
