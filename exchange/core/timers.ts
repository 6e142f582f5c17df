/** What runs by itself when its time has come, before anything else is decided. */
import { nextAbsenceStepMs, runAbsence } from "./clearing/close-out.ts";
import { expireLot } from "./clearing/expiry.ts";
import { emitRelease } from "./clearing/settlement.ts";
import type { DueItem } from "./due-queue.ts";
import { endGrace } from "./supply/nodes.ts";
import { policyOf, type Turn } from "./turn.ts";

/** A quiet exchange says once a minute that it is there, so that an outage is measured to the minute. */
const SIGN_OF_LIFE_MS = 60_000;

/** Runs what is due, at most one slice. True when more is waiting. */
export function runDue(turn: Turn): boolean {
  if (turn.state.policy === null) return false;
  const { dueItemsPerTurnMax } = policyOf(turn.state);
  for (let ran = 0; ran < dueItemsPerTurnMax; ran += 1) {
    const item = turn.state.due.takeDue(turn.nowMs);
    if (item === null) {
      forgetClientIds(turn);
      return false;
    }
    runItem(turn, item);
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
 * what was put off has an item of its own, later among the others.
 */
function runItem(turn: Turn, item: DueItem): void {
  const { state } = turn;
  if (item.kind === "lot-expiry") {
    const lot = state.lots.get(item.id);
    // Tolled: queued again with its new time. Still drawn on: its last delivery ends it.
    if (lot === undefined || lot.expiresAtMs === null || lot.expiresAtMs > item.dueMs) return;
    if (lot.openDeliveries === 0) expireLot(turn, lot);
  } else if (item.kind === "delivery-timeout") {
    const delivery = state.deliveries.get(item.id);
    if (delivery === undefined || delivery.timeoutAtMs > turn.nowMs) return;
    emitRelease(turn, delivery, {
      verdict: "excused",
      cause: "reservation-timeout",
      completionTokens: 0,
    });
  } else if (item.kind === "absence") {
    if (runAbsence(turn, item.id, item.dueMs)) state.due.push(item);
    else deferAbsence(turn, item);
  } else {
    const graceEndsAtMs = state.attendance.get(item.id)?.graceEndsAtMs ?? null;
    if (graceEndsAtMs !== null && graceEndsAtMs <= item.dueMs) endGrace(turn, item.id);
  }
}

/** An absence is shorter than the clock says by what the exchange was out: its steps come later. */
function deferAbsence({ state }: Turn, { id, dueMs }: DueItem): void {
  const nextMs = nextAbsenceStepMs(state, id, dueMs);
  if (nextMs !== null) state.due.push({ dueMs: nextMs, kind: "absence", id });
}

function forgetClientIds(turn: Turn): void {
  const { state, nowMs } = turn;
  if (nowMs < state.clientIdsDueMs) return;
  const { clientIdKeptMs, dueItemsPerTurnMax } = policyOf(state);
  const keys: string[] = [];
  let dueMs = 0;
  for (const [key, entry] of state.clientIds) {
    dueMs = entry.atMs + clientIdKeptMs;
    if (dueMs > nowMs || keys.length >= dueItemsPerTurnMax) break;
    keys.push(key);
  }
  if (keys.length === 0) {
    // The oldest goes first: until then there is nothing to look for.
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
