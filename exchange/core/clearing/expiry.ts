/**
 * Expiry: unused tokens are paid to the supplier in proportion to its availability, floor to the
 * supplier, the rest to the holder. Escrow ends at exactly 0.
 */

import {
  available,
  issuer,
  lotEscrow,
  lotMargin,
  lotTokens,
  pendingPay,
} from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { policyOf, type Turn } from "#exchange/core/turn.ts";
import { divideFloor } from "#protocol/money.ts";

/** A slot: five minutes on the UTC grid. */
export const SLOT_MS = 300_000;

/** Slots that begin in the Lot's life without those in which the exchange was away, and how many of them the supplier was there. */
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
  let slots = 0;
  let healthySlots = 0;
  const end = Math.ceil(lot.expiresAtMs / SLOT_MS);
  for (let slot = Math.ceil(lot.enteredAtMs / SLOT_MS); slot < end; slot += 1) {
    const fromMs = slot * SLOT_MS;
    const toMs = fromMs + SLOT_MS;
    if (state.outages.some((outage) => outage.fromMs < toMs && outage.toMs > fromMs)) continue;
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

/** Ends a Lot that nobody draws on any more. */
export function expireLot(turn: Turn, lot: Lot): void {
  const { ledger } = turn.state;
  const { healthySlots, slots } = availabilityOf(turn.state, lot, turn.nowMs);
  const escrow = ledger.balance(lotEscrow(lot.number));
  const unused = ledger.balance(lotTokens(lot.number, lot.symbol));
  // No slot counted (the exchange was away throughout): nobody failed, the supplier is paid.
  const toSupplier =
    slots === 0 ? escrow : divideFloor(escrow * BigInt(healthySlots), BigInt(slots));
  const postings: Posting[] = [
    {
      kind: "move",
      from: lotEscrow(lot.number),
      to: pendingPay(lot.supplier),
      amount: toSupplier,
    },
    {
      kind: "move",
      from: lotEscrow(lot.number),
      to: available(lot.owner),
      amount: escrow - toSupplier,
    },
    {
      kind: "move",
      from: lotTokens(lot.number, lot.symbol),
      to: issuer(lot.supplier, lot.symbol),
      amount: unused,
    },
    {
      kind: "void",
      hold: lotMargin(lot.number),
      amount: ledger.holdAmount(lotMargin(lot.number)),
    },
  ];
  turn.emit("lot-expired", {
    lot: lot.number,
    unusedTokens: Number(unused),
    healthySlots,
    slots,
    toSupplierMicros: toSupplier,
    toOwnerMicros: escrow - toSupplier,
    postings: postings.filter((posting) => posting.amount > 0n),
  });
}

/** A Lot ends when its last token is used, or, past its expiry, when its last reservation ends. */
export function closeLotIfDone(turn: Turn, number: number): void {
  const lot = turn.state.lots.get(number);
  if (lot === undefined || lot.openDeliveries > 0) return;
  if (lot.usedTokens === lot.tokens) turn.emit("lot-consumed", { lot: number });
  else if (lot.expiresAtMs !== null && lot.expiresAtMs <= turn.nowMs) expireLot(turn, lot);
}
