/**
 * Where a supplier's charge is taken from, in order: pay of the window, holdback, bond that backs
 * nothing else, the bond behind the Lot that the charge is for; what is left it owes. A balancing
 * debit: it moves what is there and never fails.
 */
import {
  bond,
  holdback,
  owed,
  pendingPay,
  RECEIVABLES,
} from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { CoreState } from "#exchange/core/state.ts";

/** A charge by source, in micro-dollars. */
export interface Charge {
  pendingMicros: bigint;
  holdbackMicros: bigint;
  bondMicros: bigint;
  /** Of the bond, what was held behind the Lot. */
  marginMicros: bigint;
  /** Not there: owed from now on. */
  owedMicros: bigint;
}

/** What can be taken of `amountMicros` now, by source. */
export function planCharge(
  state: CoreState,
  supplier: number,
  amountMicros: bigint,
  margin: string | null = null,
): Charge {
  const { ledger } = state;
  const { names } = ledger;
  let left = amountMicros;
  const take = (free: bigint): bigint => {
    const taken = free <= 0n ? 0n : free < left ? free : left;
    left -= taken;
    return taken;
  };
  return {
    pendingMicros: take(ledger.free(names.pendingPay(supplier))),
    holdbackMicros: take(ledger.free(names.holdback(supplier))),
    bondMicros: take(ledger.free(names.bond(supplier))),
    marginMicros: margin === null ? 0n : take(ledger.holdAmount(margin)),
    owedMicros: left,
  };
}

/** What a charge brings in now: all but what is owed. */
export function collected(charge: Charge): bigint {
  const { pendingMicros, holdbackMicros, bondMicros, marginMicros } = charge;
  return pendingMicros + holdbackMicros + bondMicros + marginMicros;
}

/** Moves a charge to whom it is due, and writes down what is owed. `margin` as it was planned with. */
export function chargePostings(
  supplier: number,
  charge: Charge,
  to: string,
  margin = "",
): Posting[] {
  const postings: Posting[] = [
    { kind: "move", from: pendingPay(supplier), to, amount: charge.pendingMicros },
    { kind: "move", from: holdback(supplier), to, amount: charge.holdbackMicros },
    { kind: "move", from: bond(supplier), to, amount: charge.bondMicros },
    { kind: "post", hold: margin, to, amount: charge.marginMicros },
    { kind: "move", from: owed(supplier), to: RECEIVABLES, amount: charge.owedMicros },
  ];
  return postings.filter(({ amount }) => amount > 0n);
}
