/** Prices a margin away from another. */
import type { Side } from "#exchange/core/commands.ts";
import type { Instrument } from "#protocol/instrument.ts";

/** A price and a margin beyond it, within what can be quoted. */
export function ticksBeyond(
  { priceTicksMax }: Pick<Instrument, "priceTicksMax">,
  side: Side,
  fromTicks: number,
  bps: number,
): number {
  const margin = Math.floor((fromTicks * bps) / 10_000);
  return side === "sell"
    ? Math.max(1, fromTicks - margin)
    : Math.min(priceTicksMax, fromTicks + margin);
}
