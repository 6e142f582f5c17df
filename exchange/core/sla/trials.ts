/**
 * Deliveries that a supplier serves on trial, while its breaker is half-open: few at a time, and by
 * nothing but their verdicts the breaker closes or opens.
 */
import { standingOf } from "#exchange/core/sla/standing.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { policyOf } from "#exchange/core/turn.ts";

/** At once, where the policy says nothing. */
export const BREAKER_TRIALS_MAX = 3;

/** Open deliveries on trial, by number; null when the breaker is not half-open. */
function trialsOf(state: CoreState, account: number, symbol: string): number[] | null {
  if (!state.serving.isOnTrial(account, symbol)) return null;
  const breaker = standingOf(state, account, symbol)?.breaker;
  return breaker?.phase === "half-open" ? breaker.trials : null;
}

/** Whether a supplier on trial serves as many deliveries as it may. */
export function areTrialsTaken(state: CoreState, account: number, symbol: string): boolean {
  const trials = trialsOf(state, account, symbol);
  if (trials === null) return false;
  return trials.length >= (policyOf(state).sla.breakerTrialsMax ?? BREAKER_TRIALS_MAX);
}

/** Whether the supplier serves, or failed, this delivery on trial. */
export function isOnTrial(
  state: CoreState,
  account: number,
  symbol: string,
  delivery: number,
): boolean {
  return trialsOf(state, account, symbol)?.includes(delivery) ?? false;
}

/** Called while events are applied: a delivery goes to a supplier; on trial, it is one. */
export function beginTrial(
  state: CoreState,
  account: number,
  symbol: string,
  delivery: number,
): void {
  trialsOf(state, account, symbol)?.push(delivery);
}

/** Called while events are applied: it was judged, or never sent. */
export function endTrial(
  state: CoreState,
  account: number,
  symbol: string,
  delivery: number,
): void {
  const trials = trialsOf(state, account, symbol);
  const at = trials?.indexOf(delivery) ?? -1;
  if (at >= 0) trials?.splice(at, 1);
}
