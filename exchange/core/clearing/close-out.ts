/**
 * A supplier that stays away or cannot pay: what abandoning its Lots costs it, and how they end. The
 * holders get the charge for what they cannot use in time and, at close-out, their escrow.
 */
import { emitRejected } from "#exchange/core/accounts/withdrawals.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { closeOrder } from "#exchange/core/market/closing.ts";
import { referencePriceTicks } from "#exchange/core/market/reference-price.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { BASIS_POINTS, divideFloor } from "#protocol/money.ts";
import { valueOfParts } from "./cost.ts";
import { collectDebt, debtOf } from "./debt.ts";
import { lotClockMs } from "./halts.ts";
import { namesOfLot } from "./lots.ts";
import { asksServedBy, closeOffersOf } from "./offers.ts";
import { refundOf, refundPostings } from "./refund.ts";
import { chargePostings, planCharge } from "./waterfall.ts";

/** How long an announced absence is remembered, and how much of it costs nothing in that time, unless the policy says. */
export const DRAINS_KEPT_MS = 7 * 24 * 3_600_000;
const DRAIN_ALLOWANCE_MS = 3_600_000;

/** Why a withdrawal of bond ends. */
const OWES = "the supplier owes";

/** Lots that one turn charges or closes; the rest waits for the next. */
const LOTS_PER_TURN_MAX = 64;

/** How long a supplier has been away, times in which the exchange was out left aside; 0 when it is there. */
export function awayMsOf(state: CoreState, supplier: number, nowMs: number): number {
  const sinceMs = state.attendance.get(supplier)?.awaySinceMs ?? null;
  if (sinceMs === null) return 0;
  let awayMs = nowMs - sinceMs;
  for (const outage of state.outages) {
    awayMs -= Math.max(0, Math.min(outage.toMs, nowMs) - Math.max(outage.fromMs, sinceMs));
  }
  return Math.max(0, awayMs);
}

/**
 * Whether an absence of that length is one that was announced: with those of the seven days before it
 * within the allowance, and not so long that Lots are closed out.
 */
export function isAnnounced(state: CoreState, supplier: number, awayMs: number): boolean {
  const attendance = state.attendance.get(supplier);
  if (attendance === undefined || attendance.awaySinceMs === null) return false;
  const { sla } = policyOf(state);
  if (!attendance.isDrained || awayMs >= sla.closeOutMs) return false;
  const sinceMs = attendance.awaySinceMs - DRAINS_KEPT_MS;
  let drainedMs = awayMs;
  for (const { fromMs, toMs } of attendance.drains) {
    drainedMs += Math.max(0, toMs - Math.max(fromMs, sinceMs));
  }
  return drainedMs <= (sla.drainAllowanceMs ?? DRAIN_ALLOWANCE_MS);
}

/** Whether a supplier owes: while it does, nothing of it is sold, and what bond there is gets collected. */
export function isInDefault(state: CoreState, supplier: number): boolean {
  return debtOf(state, supplier) > 0n;
}

/** Whether a supplier's Lots are to end now. */
export function mustCloseOut(state: CoreState, supplier: number, nowMs: number): boolean {
  return (
    isInDefault(state, supplier) ||
    awayMsOf(state, supplier, nowMs) >= policyOf(state).sla.closeOutMs
  );
}

/** Lengths of an absence at which something falls due. */
export function absenceStepsMs(state: CoreState): number[] {
  const { abandonment, closeOutMs } = policyOf(state).sla;
  return [...abandonment.map(({ awayMs }) => awayMs), closeOutMs];
}

/** When the next thing falls due of an absence that has lasted until `fromMs`; null when nothing will. */
export function nextAbsenceStepMs(
  state: CoreState,
  supplier: number,
  fromMs: number,
): number | null {
  const sinceMs = state.attendance.get(supplier)?.awaySinceMs ?? null;
  if (sinceMs === null || fromMs < sinceMs) return null;
  const awayMs = awayMsOf(state, supplier, fromMs);
  const stepMs = Math.min(...absenceStepsMs(state).filter((each) => each > awayMs));
  if (!Number.isFinite(stepMs)) return null;
  let dueMs = sinceMs + stepMs;
  for (const outage of state.outages) {
    if (outage.toMs <= sinceMs || outage.fromMs >= dueMs) continue;
    dueMs += outage.toMs - Math.max(outage.fromMs, sinceMs);
  }
  return dueMs;
}

/**
 * Charges and closes what was due of a supplier's absence or default by `dueMs`; what fell due since
 * then takes its own turn among other things. True when more is left to do.
 */
export function runAbsence(turn: Turn, supplier: number, dueMs: number): boolean {
  const { state } = turn;
  const bps = abandonmentBps(state, supplier, dueMs);
  if (settleDebt(turn, supplier)) return true;
  const closes = mustCloseOut(state, supplier, dueMs);
  if (!closes && bps === 0) return false;
  let ran = 0;
  for (const lot of state.lots.values()) {
    if (lot.supplier !== supplier) continue;
    const owedBps = bps - chargedBps(state, lot);
    const ends = closes && lot.openDeliveries === 0;
    if (owedBps <= 0 && !ends) continue;
    if (ran === LOTS_PER_TURN_MAX) return true;
    ran += 1;
    if (owedBps > 0) chargeAbandonment(turn, lot, bps, owedBps);
    if (ends) closeOut(turn, lot);
  }
  return settleDebt(turn, supplier);
}

/**
 * Nothing is sold while a supplier owes, and the bond that this frees pays first: only what is left
 * then is a default. True when more is left to collect.
 */
export function settleDebt(turn: Turn, supplier: number): boolean {
  if (!isInDefault(turn.state, supplier)) return false;
  withdrawAsks(turn, supplier);
  // Bond on its way out is still there.
  for (const open of [...turn.state.withdrawals.values()]) {
    if (open.account === supplier && open.from === "bond") emitRejected(turn, open, OWES);
  }
  return collectDebt(turn, supplier);
}

/**
 * What the absence costs by now, in basis points of the value left; nothing while it is as announced.
 * It is judged at its steps, so that it does not matter how often somebody looks.
 */
function abandonmentBps(state: CoreState, supplier: number, nowMs: number): number {
  const awayMs = awayMsOf(state, supplier, nowMs);
  const reachedMs = absenceStepsMs(state).filter((stepMs) => stepMs <= awayMs);
  if (isAnnounced(state, supplier, Math.max(0, ...reachedMs))) return 0;
  const due = policyOf(state).sla.abandonment.filter((step) => awayMs >= step.awayMs);
  return Math.max(0, ...due.map(({ chargeBps }) => chargeBps));
}

/** What was charged for this absence already. */
function chargedBps(state: CoreState, { abandoned, supplier }: Lot): number {
  const sinceMs = state.attendance.get(supplier)?.awaySinceMs ?? null;
  return abandoned !== null && abandoned.sinceMs === sinceMs ? abandoned.bps : 0;
}

/** Of the value left at the better of Lot and reference price, for the share of its life that is left. */
function chargeAbandonment(turn: Turn, lot: Lot, bps: number, owedBps: number): void {
  const { state, nowMs } = turn;
  const tokens = lot.tokens - lot.usedTokens;
  const reference = referencePriceTicks(instrumentOf(state, lot.symbol), nowMs) ?? 0;
  const priceTicks = Math.max(lot.priceTicks, reference);
  const value = valueOfParts(state, lot.symbol, [{ lot: lot.number, tokens, priceTicks }], tokens);
  const { lotLifetimeMs } = policyOf(state);
  const leftMs =
    lot.expiresAtMs === null
      ? lotLifetimeMs
      : lot.expiresAtMs - lotClockMs(state, lot.symbol, nowMs);
  const timeMs = Math.min(Math.max(0, leftMs), lotLifetimeMs);
  const amountMicros = divideFloor(
    value * BigInt(owedBps) * BigInt(timeMs),
    BASIS_POINTS * BigInt(lotLifetimeMs),
  );
  const { margin } = namesOfLot(lot);
  const charge = planCharge(state, lot.supplier, amountMicros, margin);
  turn.emit({
    type: "supplier-charged",
    version: 1,
    seq: turn.nextSeq(),
    atMs: nowMs,
    supplier: lot.supplier,
    reason: "abandonment",
    delivery: null,
    lot: lot.number,
    bps,
    amountMicros,
    owedMicros: charge.owedMicros,
    guarantyMicros: 0n,
    postings: chargePostings(lot.supplier, charge, state.ledger.names.available(lot.owner), margin),
  });
}

/** Ends a Lot that its supplier will not serve: the escrow that is left goes back to its owner. */
export function closeOut(turn: Turn, lot: Lot): void {
  closeOffersOf(turn, lot);
  const { ledger } = turn.state;
  const names = namesOfLot(lot);
  const refund = refundOf(lot, ledger.balance(names.escrow));
  const unused = ledger.balance(names.tokens);
  const { issuer } = ledger.names.supply(lot.supplier, lot.symbol);
  const postings: Posting[] = [
    ...refundPostings(turn.state, lot, refund),
    { kind: "move", from: names.tokens, to: issuer, amount: unused },
    { kind: "void", hold: names.margin, amount: ledger.holdAmount(names.margin) },
  ];
  turn.emit({
    type: "lot-closed-out",
    version: 2,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    lot: lot.number,
    unusedTokens: Number(unused),
    ...refund,
    postings: postings.filter(({ amount }) => amount > 0n),
  });
}

/** Nobody may buy from a supplier whose bond is gone, of whoever holds its Lots. */
function withdrawAsks(turn: Turn, supplier: number): void {
  for (const order of asksServedBy(turn.state, supplier, null)) {
    closeOrder(turn, order, "cancelled", "bond_exhausted");
  }
}
