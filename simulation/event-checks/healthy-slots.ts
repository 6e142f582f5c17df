/** Which slots of a Lot's life count, and in which of them its supplier served: from what happened alone. */
import type { EventOf } from "#exchange/core/events.ts";
import type { Past } from "./past.ts";

/** Slots of the UTC grid by which a supplier's presence is counted, as the rules have them. */
const SLOT_MS = 5 * 60_000;

export interface Lived {
  supplier: number;
  symbol: string;
  enteredAtMs: number | null;
  expiresAtMs: number;
}

export function countHealthy(
  { supplier, symbol, enteredAtMs, expiresAtMs }: Lived,
  past: Past,
  { awayMsMax, nowMs }: { awayMsMax: number; nowMs: number },
): { slots: number; healthySlots: number } {
  const { presence } = past;
  let slots = 0;
  let healthySlots = 0;
  const firstMs = Math.ceil((enteredAtMs ?? expiresAtMs) / SLOT_MS) * SLOT_MS;
  for (let fromMs = firstMs; fromMs < expiresAtMs; fromMs += SLOT_MS) {
    const toMs = fromMs + SLOT_MS;
    if (past.wasStopped(symbol, fromMs, toMs, nowMs)) continue;
    slots += 1;
    if (presence.hasFailed(supplier, symbol, fromMs)) continue;
    if (presence.idleMs(supplier, symbol, fromMs, toMs, nowMs) <= awayMsMax) healthySlots += 1;
  }
  return { slots, healthySlots };
}

/** What the end of a halt adds to a Lot's time: what of it the Lot lived through, without outages, which added theirs. */
export function tolledBy(
  { sinceMs, atMs, outages }: EventOf<"delivery-resumed">,
  enteredAtMs: number | null,
): number {
  const fromMs = Math.max(sinceMs, enteredAtMs ?? atMs);
  let tolledMs = Math.max(0, atMs - fromMs);
  for (const outage of outages) {
    tolledMs -= Math.max(0, Math.min(atMs, outage.toMs) - Math.max(fromMs, outage.fromMs));
  }
  return tolledMs;
}
