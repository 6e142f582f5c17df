/**
 * Expiry: unused tokens are paid to the supplier in proportion to its availability, floor to the
 * supplier, the rest to the holder. Escrow ends at exactly 0.
 */

import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { policyOf, type Turn } from "#exchange/core/turn.ts";
import { divideFloor } from "#protocol/money.ts";
import { closeOut, mustCloseOut } from "./close-out.ts";
import { hasExpired, stoppedTimes } from "./halts.ts";
import { namesOfLot } from "./lots.ts";
import { closeOffersOf } from "./offers.ts";
import { refundOf, refundPostings } from "./refund.ts";

/** A slot: five minutes on the UTC grid. */
export const SLOT_MS = 300_000;

/** Slots that begin in the Lot's life without those in which nobody could deliver, and how many of them the supplier was there. */
export function availabilityOf(
  state: CoreState,
  lot: Lot,
  nowMs: number,
): { healthySlots: number; slots: number } {
  if (lot.enteredAtMs === null || lot.expiresAtMs === null) {
    throw new Error(`lot ${lot.number} never entered Consumption`);
  }
  const awayMsMax = policyOf(state).slotAwayMsMax;
  const attendance = state.attendance.get(lot.supplier);
  const stopped = stoppedTimes(state, lot.symbol, nowMs);
  let slots = 0;
  let healthySlots = 0;
  const end = Math.ceil(lot.expiresAtMs / SLOT_MS);
  for (let slot = Math.ceil(lot.enteredAtMs / SLOT_MS); slot < end; slot += 1) {
    const fromMs = slot * SLOT_MS;
    const toMs = fromMs + SLOT_MS;
    if (wasStopped(stopped, fromMs, toMs)) continue;
    slots += 1;
    let awayMs = attendance?.awayMsBySlot.get(slot) ?? 0;
    if (attendance !== undefined && attendance.awaySinceMs !== null) {
      const sinceMs = Math.max(attendance.awaySinceMs, fromMs);
      awayMs += Math.max(0, Math.min(toMs, nowMs) - sinceMs);
    }
    if (awayMs <= awayMsMax) healthySlots += 1;
  }
  return { healthySlots, slots };
}

/** Whether nobody could have delivered at any time of these. */
function wasStopped(
  stopped: readonly { fromMs: number; toMs: number }[],
  fromMs: number,
  toMs: number,
): boolean {
  for (const time of stopped) if (time.fromMs < toMs && time.toMs > fromMs) return true;
  return false;
}

/** Ends a Lot that nobody draws on any more. */
export function expireLot(turn: Turn, lot: Lot): void {
  closeOffersOf(turn, lot);
  const { ledger } = turn.state;
  const { healthySlots, slots } = availabilityOf(turn.state, lot, turn.nowMs);
  const names = namesOfLot(lot);
  const escrow = ledger.balance(names.escrow);
  const unused = ledger.balance(names.tokens);
  // No slot counted (the exchange was away throughout): nobody failed, the supplier is paid.
  const toSupplier =
    slots === 0 ? escrow : divideFloor(escrow * BigInt(healthySlots), BigInt(slots));
  const refund = refundOf(lot, escrow - toSupplier);
  const postings: Posting[] = [
    {
      kind: "move",
      from: names.escrow,
      to: ledger.names.pendingPay(lot.supplier),
      amount: toSupplier,
    },
    ...refundPostings(turn.state, lot, refund),
    {
      kind: "move",
      from: names.tokens,
      to: ledger.names.supply(lot.supplier, lot.symbol).issuer,
      amount: unused,
    },
    {
      kind: "void",
      hold: names.margin,
      amount: ledger.holdAmount(names.margin),
    },
  ];
  turn.emit({
    type: "lot-expired",
    version: 2,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    lot: lot.number,
    unusedTokens: Number(unused),
    healthySlots,
    slots,
    toSupplierMicros: toSupplier,
    ...refund,
    postings: postings.filter((posting) => posting.amount > 0n),
  });
}

/** A Lot ends when its last token is used, or, past its expiry, when its last reservation ends. */
export function closeLotIfDone(turn: Turn, number: number): void {
  const lot = turn.state.lots.get(number);
  if (lot === undefined || lot.openDeliveries > 0) return;
  if (lot.usedTokens === lot.tokens) {
    turn.emit({
      type: "lot-consumed",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      lot: number,
    });
  } else if (hasExpired(turn.state, lot, turn.nowMs)) expireLot(turn, lot);
  else if (mustCloseOut(turn.state, lot.supplier, turn.nowMs)) closeOut(turn, lot);
}
