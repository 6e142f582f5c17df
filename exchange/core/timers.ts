/** What runs by itself when its time has come, before anything else is decided. */
import { EXPIRED, emitRejected } from "./accounts/withdrawals.ts";
import { isInDefault, nextAbsenceStepMs, runAbsence } from "./clearing/close-out.ts";
import { expireLot } from "./clearing/expiry.ts";
import { hasExpired } from "./clearing/halts.ts";
import { emitRelease } from "./clearing/settlement.ts";
import { runSweep } from "./clearing/sweep.ts";
import type { DueItem } from "./due-queue.ts";
import { endAuction } from "./market/auction.ts";
import { closeOrder } from "./market/closing.ts";
import { goOff } from "./market/dead-man.ts";
import { closeMarket } from "./market/trading-phase.ts";
import { REFERENCE_KEPT_MS } from "./policy.ts";
import { lookAfterSupplier } from "./sla/looking-after.ts";
import { endGrace } from "./supply/nodes.ts";
import { policyOf, type Turn } from "./turn.ts";

/** A quiet exchange says once a minute that it is there, so that an outage is measured to the minute. */
const SIGN_OF_LIFE_MS = 60_000;

/** Runs what is due, at most one slice. True when more is waiting. */
export function runDue(turn: Turn): boolean {
  if (turn.state.policy === null) return false;
  const { dueItemsPerTurnMax } = policyOf(turn.state);
  for (let work = 0; work < dueItemsPerTurnMax; work += 1) {
    const item = turn.state.due.takeDue(turn.nowMs);
    if (item === null) {
      forget(turn);
      return false;
    }
    if (item.kind === "sweep") work += runSweep(turn, item);
    else if (runItem(turn, item)) return true;
  }
  return true;
}

/** Leaves a trace of the time when nothing else did. */
export function leaveSignOfLife(turn: Turn): void {
  if (turn.state.seq > 0 && turn.nowMs - turn.state.nowMs >= SIGN_OF_LIFE_MS) {
    turn.emit({ type: "time-passed", version: 1, seq: turn.nextSeq(), atMs: turn.nowMs });
  }
}

/**
 * Items are never taken back when their cause ends or is put off, so each is checked against the state:
 * what was put off has an item of its own, later among the others. True when an item has more to do than
 * one turn should.
 */
function runItem(turn: Turn, item: DueItem): boolean {
  const { state } = turn;
  if (item.kind === "lot-expiry") {
    const lot = state.lots.get(item.id);
    // Tolled: queued again with its new time. Still drawn on: its last delivery ends it.
    if (lot === undefined || lot.expiresAtMs === null || lot.expiresAtMs > item.dueMs) return false;
    // Halted: its time runs on when delivery does.
    if (!hasExpired(state, lot, turn.nowMs)) return false;
    if (lot.openDeliveries === 0) expireLot(turn, lot);
  } else if (item.kind === "delivery-timeout") {
    const delivery = state.deliveries.get(item.id);
    if (delivery === undefined || delivery.timeoutAtMs > turn.nowMs) return false;
    emitRelease(turn, delivery, {
      verdict: "excused",
      cause: "reservation-timeout",
      completionTokens: 0,
    });
  } else if (item.kind === "order-expiry") {
    const order = state.orders.get(item.id);
    const expiresAtMs = state.terms.get(item.id)?.expiresAtMs ?? null;
    // Amended since: it has an item of its own.
    if (order === undefined || expiresAtMs === null || expiresAtMs > item.dueMs) return false;
    closeOrder(turn, order, "cancelled", "expired");
  } else if (item.kind === "auction-end" || item.kind === "market-close") {
    return runPhaseItem(turn, item);
  } else if (item.kind === "cancel-after") {
    goOff(turn, item.id, item.dueMs);
  } else if (item.kind === "withdrawal-expiry") {
    const open = state.withdrawals.get(item.id);
    if (open !== undefined) emitRejected(turn, open, EXPIRED);
  } else if (item.kind === "supplier-standing") {
    lookAfterSupplier(turn, item.id);
  } else if (item.kind === "supplier-grace") {
    const graceEndsAtMs = state.attendance.get(item.id)?.graceEndsAtMs ?? null;
    if (graceEndsAtMs !== null && graceEndsAtMs <= item.dueMs) endGrace(turn, item.id);
  } else return runAbsenceItem(turn, item);
  return false;
}

function runPhaseItem(turn: Turn, item: DueItem): boolean {
  const { state } = turn;
  for (const listed of state.instruments.values()) {
    if (listed.number !== item.id) continue;
    const hasMore =
      item.kind === "market-close"
        ? closeMarket(turn, listed)
        : endAuction(turn, listed, item.dueMs);
    if (hasMore) state.due.push(item);
    return hasMore;
  }
  throw new Error(`instrument ${item.id} has a due item and is not listed`);
}

/** Who could not pay a charge is in default from when that was due: the item runs again for it. */
function runAbsenceItem(turn: Turn, item: DueItem): boolean {
  const { state } = turn;
  const wasInDefault = isInDefault(state, item.id);
  const hasMore = runAbsence(turn, item.id, item.dueMs);
  if (hasMore || isInDefault(state, item.id) !== wasInDefault) state.due.push(item);
  else deferAbsence(turn, item);
  return hasMore;
}

/** An absence is shorter than the clock says by what the exchange was out: its steps come later. */
function deferAbsence({ state }: Turn, { id, dueMs }: DueItem): void {
  const nextMs = nextAbsenceStepMs(state, id, dueMs);
  if (nextMs !== null) state.due.push({ dueMs: nextMs, kind: "absence", id });
}

/** At most one event of each, at the end of a turn in which nothing else was left to run. */
function forget(turn: Turn): void {
  if (turn.nowMs >= turn.state.clientIdsDueMs) forgetClientIds(turn);
  if (turn.nowMs >= turn.state.referencesDueMs) forgetReferences(turn);
  if (turn.nowMs >= turn.state.joinTokensDueMs) forgetJoinTokens(turn);
}

function forgetClientIds(turn: Turn): void {
  const { state } = turn;
  const { keys, dueMs } = outlived(turn, state.clientIds, policyOf(state).clientIdKeptMs);
  if (keys.length === 0) {
    state.clientIdsDueMs = dueMs;
    return;
  }
  turn.emit({
    type: "client-ids-forgotten",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    keys,
  });
}

function forgetReferences(turn: Turn): void {
  const { state } = turn;
  const keptMs = policyOf(state).depositReferenceKeptMs ?? REFERENCE_KEPT_MS;
  const { keys, dueMs } = outlived(turn, state.references, keptMs);
  if (keys.length === 0) {
    state.referencesDueMs = dueMs;
    return;
  }
  turn.emit({
    type: "references-forgotten",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    references: keys,
  });
}

/** Keys that were kept for their time; else when the next one's is over, before which there is nothing to look for. */
function outlived(
  { state, nowMs }: Turn,
  oldestFirst: ReadonlyMap<string, { atMs: number }>,
  keptMs: number,
): { keys: string[]; dueMs: number } {
  const { dueItemsPerTurnMax } = policyOf(state);
  const keys: string[] = [];
  // What comes later is kept as long.
  let dueMs = nowMs + keptMs;
  for (const [key, entry] of oldestFirst) {
    dueMs = entry.atMs + keptMs;
    if (dueMs > nowMs || keys.length >= dueItemsPerTurnMax) break;
    keys.push(key);
  }
  return { keys, dueMs };
}

/** They run out in any order, so all of them are looked at; there are as many as an operator made lately. */
function forgetJoinTokens(turn: Turn): void {
  const { state, nowMs } = turn;
  const { dueItemsPerTurnMax } = policyOf(state);
  const tokenHashes: string[] = [];
  let dueMs = Number.POSITIVE_INFINITY;
  for (const { tokenHash, expiresAtMs } of state.joinTokens.values()) {
    if (expiresAtMs > nowMs) dueMs = Math.min(dueMs, expiresAtMs);
    else tokenHashes.push(tokenHash);
  }
  if (tokenHashes.length === 0) {
    state.joinTokensDueMs = dueMs;
    return;
  }
  // By name: a restored state has its rows in another order than one that was lived.
  tokenHashes.sort();
  turn.emit({
    type: "join-tokens-forgotten",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    tokenHashes: tokenHashes.slice(0, dueItemsPerTurnMax),
  });
}
