/** Protection prices: how far an order without a limit of its own may trade. */
import type { PlaceOrder } from "#exchange/core/commands.ts";
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import { policyOf, type Turn } from "#exchange/core/turn.ts";
import { BUY, SELL } from "./order-book-port.ts";
import { bandEdgeTicks, isPlainlyInBand, isThin } from "./price-band.ts";
import { ticksBeyond } from "./price-margin.ts";

type Wish = Pick<PlaceOrder, "side" | "maxSlippageBps" | "stopTicks">;

/** How far it may go, in basis points: as far as the policy says, or less. */
export function slippageBpsOf(state: CoreState, { maxSlippageBps }: Wish): number {
  return Math.min(policyOf(state).marketProtectionBps, maxSlippageBps ?? Number.MAX_SAFE_INTEGER);
}

/**
 * The worst price that it may take: that far from the best price, less far in a thin book, and not beyond
 * the price band. Of a `stop` order from its stop price, so that what it holds is known while it waits.
 */
export function protectedTicks(turn: Turn, listed: InstrumentState, wish: Wish): number {
  const { state } = turn;
  const { side, stopTicks } = wish;
  const from = stopTicks ?? listed.book.bestPriceTicks(side === "buy" ? SELL : BUY);
  if (from === null) return side === "buy" ? 1 : listed.instrument.priceTicksMax;
  const bps = slippageBpsOf(state, wish);
  const { safety } = policyOf(state);
  if (safety === undefined || stopTicks !== undefined) {
    return ticksBeyond(listed.instrument, side, from, bps);
  }
  const isNarrow = isThin(state, listed, safety.thinOwnersMin);
  const narrowed = isNarrow ? Math.min(bps, safety.marketProtectionThinBps) : bps;
  const ticks = ticksBeyond(listed.instrument, side, from, narrowed);
  if (isPlainlyInBand(turn, listed, side, ticks)) return ticks;
  const edge = bandEdgeTicks(turn, listed, side) ?? ticks;
  return side === "buy" ? Math.min(ticks, edge) : Math.max(ticks, edge);
}
