/**
 * What a supplier owes is taken from bond before anybody calls it a default: first from bond that
 * backs nothing, then from the bond behind its Lots, which stay open with less behind them.
 */
import { GUARANTY, RECEIVABLES } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { CoreState } from "#exchange/core/state.ts";
import type { Turn } from "#exchange/core/turn.ts";
import { namesOfLot } from "./lots.ts";

/** Lots whose bond one turn takes; the rest waits for the next. */
const LOTS_PER_COLLECTION_MAX = 64;

/** What a supplier still owes, in micro-dollars. */
export function debtOf({ ledger }: CoreState, supplier: number): bigint {
  return -ledger.balance(ledger.names.owed(supplier));
}

/** Takes what there is. True when debt and bond are left: call again. */
export function collectDebt(turn: Turn, supplier: number): boolean {
  const { ledger, lots } = turn.state;
  const debt = debtOf(turn.state, supplier);
  if (debt <= 0n) return false;
  let left = debt;
  const bond = ledger.names.bond(supplier);
  const postings: Posting[] = [];
  const free = least(left, ledger.free(bond));
  if (free > 0n) postings.push({ kind: "move", from: bond, to: GUARANTY, amount: free });
  left -= free;
  const taken: number[] = [];
  let isMore = false;
  // By number: a restored state has its rows in another order than one that was lived.
  const own = [...lots.values()].filter((lot) => lot.supplier === supplier);
  for (const lot of left > 0n ? own.sort((a, b) => a.number - b.number) : []) {
    const { margin } = namesOfLot(lot);
    const amount = least(left, ledger.holdAmount(margin));
    if (amount === 0n) continue;
    if (taken.length === LOTS_PER_COLLECTION_MAX) {
      isMore = true;
      break;
    }
    postings.push({ kind: "post", hold: margin, to: GUARANTY, amount });
    taken.push(lot.number);
    left -= amount;
  }
  const amountMicros = debt - left;
  if (amountMicros === 0n) return false;
  postings.push({
    ...{ kind: "move", from: RECEIVABLES, to: ledger.names.owed(supplier) },
    amount: amountMicros,
  });
  turn.emit({
    type: "debt-collected",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    supplier,
    amountMicros,
    lots: taken,
    postings,
  });
  return isMore;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
