/** When Units in Trading are swept: every four hours on the UTC grid, 00, 04, 08, 12, 16 and 20. */
import type { CoreState } from "#exchange/core/state.ts";
import { accountOf } from "#exchange/core/turn.ts";

export const SWEEP_EVERY_MS = 4 * 3_600_000;

/** The first point of the grid after a time. */
export function nextSweepMs(afterMs: number): number {
  return afterMs - (afterMs % SWEEP_EVERY_MS) + SWEEP_EVERY_MS;
}

/** Lots that came into Trading then are swept at the next point of the grid; called while events are applied. */
export function awaitSweep(state: CoreState, account: number, sinceMs: number): void {
  const owner = accountOf(state, account);
  const dueMs = nextSweepMs(sinceMs);
  if (owner.sweepsAtMs !== null && owner.sweepsAtMs <= dueMs) return;
  owner.sweepsAtMs = dueMs;
  state.due.push({ dueMs, kind: "sweep", id: account });
}
