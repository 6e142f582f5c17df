/** The naive market's rules of price bands and thin books. */
import type { PlaceOrder } from "#exchange/core/commands.ts";
import { referenceTicks } from "./charges.fixture.ts";
import * as m from "./market.fixture.ts";
import { line } from "./trading.fixture.ts";

type Model = m.Model;

export function isThin(model: Model, symbol: string): boolean {
  const resting = [...line(model, symbol, "buy"), ...line(model, symbol, "sell")];
  const owners = new Set(resting.map(({ account }) => account));
  return owners.size < (model.policy.safety?.thinOwnersMin ?? 0);
}

/** The worst price that an order may name; null without a reference. */
export function bandEdge(model: Model, symbol: string, side: PlaceOrder["side"]): number | null {
  const { safety } = model.policy;
  const reference = referenceTicks(model, symbol);
  if (safety === undefined || reference === null) return null;
  const bps = isThin(model, symbol) ? safety.bandThinBps : safety.bandBps;
  const margin = Math.floor((reference * bps) / 10_000);
  const max = m.instrumentOf(model, symbol).priceTicksMax;
  return side === "buy" ? Math.min(max, reference + margin) : Math.max(1, reference - margin);
}

export function isOutOfBand(
  model: Model,
  symbol: string,
  side: PlaceOrder["side"],
  ticks: number,
): boolean {
  const edge = bandEdge(model, symbol, side);
  if (edge === null) return false;
  return side === "buy" ? ticks > edge : ticks < edge;
}
