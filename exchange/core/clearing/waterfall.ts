/**
 * Where a supplier's charge is taken from, in order: pay of the window, holdback, bond that backs
 * nothing else; what is left it owes. A balancing debit: it moves what is there and never fails.
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
  /** Not there: owed from now on. */
  owedMicros: bigint;
}

/** What can be taken of `amountMicros` now, by source. */
export function planCharge(state: CoreState, supplier: number, amountMicros: bigint): Charge {
  const { ledger } = state;
  let left = amountMicros;
  const take = (account: string): bigint => {
    const free = ledger.free(account);
    const taken = free <= 0n ? 0n : free < left ? free : left;
    left -= taken;
    return taken;
  };
  return {
    pendingMicros: take(pendingPay(supplier)),
    holdbackMicros: take(holdback(supplier)),
    bondMicros: take(bond(supplier)),
    owedMicros: left,
  };
}

/** What a charge brings in now: all but what is owed. */
export function collected({ pendingMicros, holdbackMicros, bondMicros }: Charge): bigint {
  return pendingMicros + holdbackMicros + bondMicros;
}

/** Moves a charge to whom it is due, and writes down what is owed. */
export function chargePostings(supplier: number, charge: Charge, to: string): Posting[] {
  const postings: Posting[] = [
    { kind: "move", from: pendingPay(supplier), to, amount: charge.pendingMicros },
    { kind: "move", from: holdback(supplier), to, amount: charge.holdbackMicros },
    { kind: "move", from: bond(supplier), to, amount: charge.bondMicros },
    { kind: "move", from: owed(supplier), to: RECEIVABLES, amount: charge.owedMicros },
  ];
  return postings.filter(({ amount }) => amount > 0n);
}
