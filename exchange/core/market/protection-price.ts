/** Protection prices: how far an order without a limit of its own may trade. */
import type { PlaceOrder } from "#exchange/core/commands.ts";
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import { policyOf } from "#exchange/core/turn.ts";
import type { Instrument } from "#protocol/instrument.ts";
import { BUY, SELL } from "./order-book-port.ts";

type Wish = Pick<PlaceOrder, "side" | "maxSlippageBps" | "stopTicks">;

/** How far it may go, in basis points: as far as the policy says, or less. */
export function slippageBpsOf(state: CoreState, { maxSlippageBps }: Wish): number {
  return Math.min(policyOf(state).marketProtectionBps, maxSlippageBps ?? Number.MAX_SAFE_INTEGER);
}

/**
 * The worst price that it may take: that far from the best price; of a `stop` order from its stop price,
 * so that what it holds is known while it waits.
 */
export function protectionTicks(state: CoreState, listed: InstrumentState, wish: Wish): number {
  const from = wish.stopTicks ?? listed.book.bestPriceTicks(wish.side === "buy" ? SELL : BUY);
  if (from === null) return wish.side === "buy" ? 1 : listed.instrument.priceTicksMax;
  return ticksBeyond(listed.instrument, wish.side, from, slippageBpsOf(state, wish));
}

/** A price and a margin beyond it, within what can be quoted. */
export function ticksBeyond(
  { priceTicksMax }: Pick<Instrument, "priceTicksMax">,
  side: PlaceOrder["side"],
  fromTicks: number,
  bps: number,
): number {
  const margin = Math.floor((fromTicks * bps) / 10_000);
  return side === "sell"
    ? Math.max(1, fromTicks - margin)
    : Math.min(priceTicksMax, fromTicks + margin);
}
