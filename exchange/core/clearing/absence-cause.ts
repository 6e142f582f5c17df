/** Why a supplier that owes cannot be sent to: what its record says, and who pays for cover. */
import { standingOf } from "#exchange/core/sla/standing.ts";
import { AWAY, PAUSED } from "#exchange/core/sla/verdict.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { isPaused } from "#exchange/core/supply/capacity.ts";
import { policyOf, type Turn } from "#exchange/core/turn.ts";
import { awayMsOf, isAnnounced } from "./close-out.ts";
import { stoppedMs } from "./halts.ts";

/** How long after a restart of the exchange a supplier may take to link again, unless the policy says. */
const RECONNECT_MS = 60_000;

/** How long since then the exchange was there to be linked to. */
function idleMsOf({ outages }: CoreState, sinceMs: number | null, nowMs: number): number {
  return sinceMs === null ? 0 : nowMs - sinceMs - stoppedMs(outages, sinceMs, nowMs);
}

/** Why a supplier cannot be sent to. */
export function causeOfAbsence({ state, nowMs }: Turn, supplier: number, symbol: string): string {
  const standing = standingOf(state, supplier, symbol);
  const { reconnectMs = RECONNECT_MS } = policyOf(state).sla;
  // Since when it does not serve it, though another of its nodes may be linked.
  const idleSinceMs = standing?.idle.sinceMs ?? null;
  const isSinceRestart = state.outages.some(({ toMs }) => toMs === idleSinceMs);
  if (isSinceRestart && idleMsOf(state, idleSinceMs, nowMs) < reconnectMs) {
    return "exchange-resuming";
  }
  const awaySinceMs = state.attendance.get(supplier)?.awaySinceMs ?? null;
  if (awaySinceMs === null) {
    return isPaused(state, supplier, symbol) ? PAUSED : "supplier-idle";
  }
  const awayMs = awayMsOf(state, supplier, nowMs);
  return isAnnounced(state, supplier, awayMs) ? "supplier-drained" : AWAY;
}
