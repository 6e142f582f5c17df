/**
 * Healthy slots: those in which a supplier served an instrument nearly all the time and the last
 * request that counts did not fail. What is not used of a Lot is paid for these alone. Written while
 * events are applied.
 */
import { stoppedTimes } from "#exchange/core/clearing/halts.ts";
import type { Stretch } from "#exchange/core/clearing/lot-events.ts";
import type { IdleTime, Standing } from "#exchange/core/sla/standing.ts";
import { standingOf } from "#exchange/core/sla/standing.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { policyOf } from "#exchange/core/turn.ts";

/** A slot: five minutes on the UTC grid. */
export const SLOT_MS = 300_000;

/** How many Lot lifetimes are kept at least; beyond, only what an open Lot still needs. */
const LIFETIMES_KEPT = 3;

/** Slots that begin in the Lot's life without those in which nobody could deliver, and how many of them were healthy. */
export function availabilityOf(
  state: CoreState,
  lot: Lot,
  nowMs: number,
): { healthySlots: number; slots: number } {
  if (lot.enteredAtMs === null || lot.expiresAtMs === null) {
    throw new Error(`lot ${lot.number} never entered Consumption`);
  }
  const standing = standingOf(state, lot.supplier, lot.symbol);
  const stopped = stoppedTimes(state, lot.symbol, nowMs);
  let slots = 0;
  let healthySlots = 0;
  const end = Math.ceil(lot.expiresAtMs / SLOT_MS);
  for (let slot = Math.ceil(lot.enteredAtMs / SLOT_MS); slot < end; slot += 1) {
    if (wasStopped(stopped, slot * SLOT_MS, (slot + 1) * SLOT_MS)) continue;
    slots += 1;
    if (standing === null || isHealthy(state, standing, slot, nowMs)) healthySlots += 1;
  }
  return { healthySlots, slots };
}

function isHealthy(
  state: CoreState,
  { idle, failedSlots }: Standing,
  slot: number,
  nowMs: number,
): boolean {
  if (failedSlots.has(slot)) return false;
  let idleMs = idle.msBySlot.get(slot) ?? 0;
  if (idle.sinceMs !== null) {
    const [fromMs, toMs] = [slot * SLOT_MS, (slot + 1) * SLOT_MS];
    idleMs += Math.max(0, Math.min(toMs, nowMs) - Math.max(idle.sinceMs, fromMs));
  }
  return idleMs <= policyOf(state).slotAwayMsMax;
}

/** Whether nobody could have delivered at any time of these. */
function wasStopped(stopped: readonly Stretch[], fromMs: number, toMs: number): boolean {
  for (const time of stopped) if (time.fromMs < toMs && time.toMs > fromMs) return true;
  return false;
}

/** A request that was sent to the supplier counts, for the slot in which it was judged. */
export function noteVerdict({ failedSlots }: Standing, atMs: number, isFailed: boolean): void {
  const slot = Math.floor(atMs / SLOT_MS);
  if (isFailed) failedSlots.add(slot);
  else failedSlots.delete(slot);
}

/** To be called when links, supplies or breakers of a supplier changed. */
export function noteServing(state: CoreState, account: number, atMs: number): void {
  const supplier = state.suppliers.get(account);
  if (supplier === undefined) return;
  for (const standing of supplier.instruments.values()) {
    const { idle, symbol } = standing;
    if (!state.serving.canServe(account, symbol)) idle.sinceMs ??= atMs;
    else if (idle.sinceMs !== null) {
      addIdle(idle, idle.sinceMs, atMs);
      idle.sinceMs = null;
      forgetSlots(state, standing, atMs);
    }
  }
}

function addIdle({ msBySlot }: IdleTime, fromMs: number, toMs: number): void {
  let atMs = fromMs;
  while (atMs < toMs) {
    const slot = Math.floor(atMs / SLOT_MS);
    const endMs = Math.min(toMs, (slot + 1) * SLOT_MS);
    msBySlot.set(slot, (msBySlot.get(slot) ?? 0) + endMs - atMs);
    atMs = endMs;
  }
}

/** A tolled Lot may be older than any lifetime: its slots count until it ends. */
export function forgetSlots(state: CoreState, standing: Standing, nowMs: number): void {
  const { account, symbol, idle, failedSlots } = standing;
  const keptMs = nowMs - LIFETIMES_KEPT * policyOf(state).lotLifetimeMs;
  const isOld = (slot: number) => slot < keptMs / SLOT_MS;
  const old = new Set([...idle.msBySlot.keys(), ...failedSlots].filter(isOld));
  if (old.size === 0) return;
  let oldestEntryMs = keptMs;
  for (const lot of state.lots.values()) {
    if (lot.supplier !== account || lot.symbol !== symbol || lot.enteredAtMs === null) continue;
    if (lot.enteredAtMs < oldestEntryMs) oldestEntryMs = lot.enteredAtMs;
  }
  for (const slot of old) {
    if (slot >= oldestEntryMs / SLOT_MS) continue;
    idle.msBySlot.delete(slot);
    failedSlots.delete(slot);
  }
}
