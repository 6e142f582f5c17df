/** Paying a supplier when its window closes, and letting go what was kept back. */
import {
  available,
  GUARANTY,
  holdback,
  owed,
  pendingPay,
  RECEIVABLES,
} from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import {
  type Holdback,
  type SupplierStanding,
  standingsOf,
  TIERS,
  type Tier,
} from "#exchange/core/sla/standing.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { policyOf, type Turn } from "#exchange/core/turn.ts";
import { BASIS_POINTS } from "#protocol/money.ts";

/** Free pending pay: first what the supplier owes, then a part kept back by its tier, the rest to it. */
export function payOut(turn: Turn, supplier: SupplierStanding): void {
  const { ledger } = turn.state;
  const { account } = supplier;
  const { sla } = policyOf(turn.state);
  const pending = ledger.free(pendingPay(account));
  if (pending <= 0n) return;
  const debt = -ledger.balance(owed(account));
  const repaidMicros = debt < pending ? debt : pending;
  const tier = leastTier(supplier);
  const left = pending - repaidMicros;
  const heldBackMicros = (left * BigInt(sla.holdbackBps[tier])) / BASIS_POINTS;
  const paidMicros = left - heldBackMicros;
  const from = pendingPay(account);
  const postings: Posting[] = [
    { kind: "move", from, to: GUARANTY, amount: repaidMicros },
    { kind: "move", from: RECEIVABLES, to: owed(account), amount: repaidMicros },
    { kind: "move", from, to: holdback(account), amount: heldBackMicros },
    { kind: "move", from, to: available(account), amount: paidMicros },
  ];
  turn.emit({
    type: "supplier-paid",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    tier,
    repaidMicros,
    heldBackMicros,
    paidMicros,
    releaseAtMs: heldBackMicros > 0n ? turn.nowMs + sla.holdbackMs : null,
    postings: postings.filter(({ amount }) => amount > 0n),
  });
}

/** Pay does not say of which instrument it is: the least trusted decides. */
function leastTier(supplier: SupplierStanding): Tier {
  const places = standingsOf(supplier).map(({ tier }) => TIERS.indexOf(tier));
  return TIERS[Math.min(...places)] ?? "probation";
}

/**
 * Lets go the oldest pay kept back. What was charged to the account meanwhile is taken off it; what an
 * open delivery has set aside stays, and is tried again when that must be over.
 */
export function releaseHoldback(turn: Turn, account: number, kept: Holdback): void {
  const { ledger } = turn.state;
  const name = holdback(account);
  const chargedMicros = least(kept.amountMicros, chargedOf(turn.state, account));
  const whole = kept.amountMicros - chargedMicros;
  const releasedMicros = least(whole, ledger.free(name));
  const leftMicros = whole - releasedMicros;
  const retryAtMs = turn.nowMs + policyOf(turn.state).deliveryTimeMsMax;
  turn.emit({
    type: "holdback-released",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    keptMicros: kept.amountMicros,
    chargedMicros,
    releasedMicros,
    leftMicros,
    nextReleaseAtMs: leftMicros > 0n ? retryAtMs : null,
    postings:
      releasedMicros > 0n
        ? [{ kind: "move", from: name, to: available(account), amount: releasedMicros }]
        : [],
  });
}

/** What was taken of a supplier's pay kept back since it was. */
export function chargedOf(state: CoreState, account: number): bigint {
  const holdbacks = state.suppliers.get(account)?.holdbacks ?? [];
  const put = holdbacks.reduce((sum, { amountMicros }) => sum + amountMicros, 0n);
  return put - state.ledger.balance(holdback(account));
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
