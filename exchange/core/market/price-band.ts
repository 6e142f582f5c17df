/**
 * Price bands: how far from the reference price an order may be willing to trade. They slow prices
 * down, they do not hold them: the reference follows the fills. Off until there is a reference.
 */
import type { Side } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import type { Turn } from "#exchange/core/turn.ts";
import { BUY, NONE, SELL } from "./order-book-port.ts";
import { highestTicks, lowestTicks } from "./price-history.ts";
import { ticksBeyond } from "./price-margin.ts";
import { REFERENCE_AGE_MS_MAX, referencePriceTicks } from "./reference-price.ts";

/** Orders of a side that are looked at for owners; more of the same few owners do not make a book thick. */
const OWNERS_WALK_MAX = 100;

/** Whether the book has orders of fewer owners than that. */
export function isThin(state: CoreState, { book }: InstrumentState, ownersMin: number): boolean {
  // A few numbers at most: a list is faster than a set, and this is asked for each market order.
  const owners: number[] = [];
  for (const side of [SELL, BUY] as const) {
    let handle = book.best(side);
    for (let walked = 0; handle !== NONE && walked < OWNERS_WALK_MAX; walked += 1) {
      const owner = state.orders.get(book.order(handle))?.account;
      if (owner !== undefined && !owners.includes(owner)) owners.push(owner);
      if (owners.length >= ownersMin) return false;
      handle = book.next(handle);
    }
  }
  return true;
}

/** The reference price of the bands; null while there is none. */
export function bandReferenceTicks(listed: InstrumentState, nowMs: number): number | null {
  return referencePriceTicks(listed, nowMs) ?? listed.instrument.initialReferenceTicks ?? null;
}

/** The worst price that an order of that side may be willing to trade at; null while bands are off. */
export function bandEdgeTicks(
  { state, nowMs }: Turn,
  listed: InstrumentState,
  side: Side,
): number | null {
  const safety = state.policy?.safety;
  if (safety === undefined) return null;
  const reference = bandReferenceTicks(listed, nowMs);
  if (reference === null) return null;
  const bps = isThin(state, listed, safety.thinOwnersMin) ? safety.bandThinBps : safety.bandBps;
  return ticksBeyond(listed.instrument, side, reference, bps);
}

/** Why an order may not have that limit, or null when it may. */
export function bandProblem(
  turn: Turn,
  listed: InstrumentState,
  side: Side,
  limitTicks: number,
): ReturnType<typeof reject> | null {
  if (isPlainlyInBand(turn, listed, side, limitTicks)) return null;
  const edge = bandEdgeTicks(turn, listed, side);
  if (edge === null || (side === "buy" ? limitTicks <= edge : limitTicks >= edge)) return null;
  const reference = bandReferenceTicks(listed, turn.nowMs) ?? 0;
  return reject(
    "invalid-price",
    `a ${side} at ${limitTicks} ticks is too far from the reference price of ${reference}; the band of ${listed.instrument.symbol} ends at ${edge} now`,
    { limit: edge, reference },
  );
}

/** What most orders are found to be without the reference: it lies between the prices of its fills. */
export function isPlainlyInBand(
  { state, nowMs }: Turn,
  listed: InstrumentState,
  side: Side,
  limitTicks: number,
): boolean {
  const safety = state.policy?.safety;
  if (safety === undefined) return true;
  const sinceMs = nowMs - REFERENCE_AGE_MS_MAX;
  const bps = Math.min(safety.bandBps, safety.bandThinBps);
  if (side === "buy") {
    const lowest = lowestTicks(listed, sinceMs);
    const isKnown = lowest < Number.POSITIVE_INFINITY;
    return isKnown && limitTicks <= ticksBeyond(listed.instrument, side, lowest, bps);
  }
  const highest = highestTicks(listed, sinceMs);
  return highest > 0 && limitTicks >= ticksBeyond(listed.instrument, side, highest, bps);
}
