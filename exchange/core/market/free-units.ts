/** What an account could sell now without issuing: the measure of reduce_only orders. */
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import { sellableTokens } from "#exchange/core/supply/capacity.ts";

/** Whole increments. */
export function freeIncrements(
  state: CoreState,
  { instrument }: InstrumentState,
  account: number,
): number {
  const tokens = Number(sellableTokens(state, account, instrument.symbol));
  return Math.max(0, Math.floor(tokens / instrument.incrementTokens));
}
