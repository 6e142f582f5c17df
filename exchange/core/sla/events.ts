/** What happens to suppliers: verdicts, what follows from them, windows and pay. A part of `EventMap`. */
import type { Charge } from "#exchange/core/clearing/waterfall.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { BuyerCredit, WindowCharge } from "#exchange/core/sla/charge.ts";
import type { Tier } from "#exchange/core/sla/standing.ts";
import type { JudgedAttempt, Verdict } from "#exchange/core/sla/verdict.ts";

export interface SlaEventMap {
  /** All attempts at a delivery, judged when it ended; what scores and charges are computed from. */
  "delivery-judged": {
    delivery: number;
    account: number;
    symbol: string;
    policyVersion: string;
    attempts: JudgedAttempt[];
  };
  /** Failed too often in a row: nothing is dispatched until it half-opens. */
  "breaker-opened": {
    account: number;
    symbol: string;
    /** Without a good delivery between; each doubles the time. */
    openings: number;
    halfOpensAtMs: number;
  };
  /** On trial: the next good delivery closes it, the next failure opens it again. */
  "breaker-half-opened": { account: number; symbol: string; openings: number };
  "breaker-closed": { account: number; symbol: string };
  /** Fewer or more deliveries go to the supplier, by the share that failed of late. */
  "weight-changed": {
    account: number;
    symbol: string;
    weightBps: number;
    scored: number;
    failed: number;
    nextStepAtMs: number | null;
  };
  "supplier-suspended": {
    account: number;
    symbol: string;
    level: number;
    untilMs: number;
    why: string;
  };
  /** Back, in probation. */
  "supplier-reinstated": { account: number; symbol: string };
  "tier-changed": { account: number; symbol: string; tier: Tier };
  /** A window's statement: what was seen, what it costs by which figures, and who got it. */
  "window-closed": {
    account: number;
    symbol: string;
    endsAtMs: number;
    policyVersion: string;
    /** Too few deliveries: nothing is charged yet, they count in the next window. */
    isCarried: boolean;
    requests: Record<Verdict, number>;
    tokens: Record<Verdict, number>;
    failedMicros: bigint;
    lotsMicros: bigint;
    strikes: number;
    strikesAfter: number;
    charge: WindowCharge;
    /** Where it came from; what was not there is owed. */
    paid: Charge;
    credits: BuyerCredit[];
    toGuarantyMicros: bigint;
    postings: Posting[];
  };
  /** Pay of a window: what was owed first, a part kept back, the rest available. */
  "supplier-paid": {
    account: number;
    tier: Tier;
    repaidMicros: bigint;
    heldBackMicros: bigint;
    paidMicros: bigint;
    releaseAtMs: number | null;
    postings: Posting[];
  };
  /** The oldest pay kept back falls free, less what was charged to it since. */
  "holdback-released": {
    account: number;
    keptMicros: bigint;
    chargedMicros: bigint;
    releasedMicros: bigint;
    /** Set aside for an open delivery: tried again. */
    leftMicros: bigint;
    nextReleaseAtMs: number | null;
    postings: Posting[];
  };
  "integrity-recorded": { account: number; node: number | null; kind: string; detail: string };
}
