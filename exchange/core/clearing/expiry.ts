/**
 * Expiry: unused tokens are paid to the supplier in proportion to its availability, floor to the
 * supplier, the rest to the holder. Escrow ends at exactly 0.
 */

import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { availabilityOf } from "#exchange/core/sla/health.ts";
import type { Lot } from "#exchange/core/state.ts";
import type { Turn } from "#exchange/core/turn.ts";
import { divideFloor } from "#protocol/money.ts";
import { closeOut, mustCloseOut, settleDebt } from "./close-out.ts";
import { hasExpired } from "./halts.ts";
import { namesOfLot } from "./lots.ts";
import { closeOffersOf } from "./offers.ts";
import { refundOf, refundPostings } from "./refund.ts";

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
  else {
    // With more to collect than one turn does, it is no default yet.
    const isCollecting = settleDebt(turn, lot.supplier);
    if (!isCollecting && mustCloseOut(turn.state, lot.supplier, turn.nowMs)) closeOut(turn, lot);
  }
  // Bond that stood behind it is free.
  settleDebt(turn, lot.supplier);
}
