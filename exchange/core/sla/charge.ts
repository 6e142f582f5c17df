/**
 * What a window costs its supplier, and who gets it: integers alone, each step rounded down in the
 * supplier's favour, so that no part is charged twice and no micro-dollar is lost.
 */
import type { SlaPolicy } from "#exchange/core/sla/policy.ts";
import { BASIS_POINTS } from "#protocol/money.ts";

const PARTS = 1_000_000;

/** What a buyer lost in a window. */
export interface BuyerLoss {
  account: number;
  /** Value of what failed. */
  failedMicros: bigint;
  /** Value of what was slow, each times its slowness. */
  slowMicros: bigint;
}

export interface WindowFigures {
  /** Good and slow ones: what was delivered. */
  deliveredTokens: number;
  failedTokens: number;
  deliveredRequests: number;
  slowRequests: number;
  failedMicros: bigint;
  /** Value of the Lots that were open at some time of the window. */
  lotsMicros: bigint;
  /** The instrument's promise, 0 to 1. */
  errorRateMax: number;
  /** Windows charged before, less clean ones since. */
  strikes: number;
  buyers: readonly BuyerLoss[];
}

/** Every figure of a charge, for its statement. Rates are parts per million. */
export interface WindowCharge {
  failureRatePpm: number;
  errorRatePpmMax: number;
  /** Value that failed beyond the error budget. */
  shortMicros: bigint;
  /** Charge per value that failed beyond the budget, by depth. */
  multipleBps: number;
  repetitionBps: number;
  penaltyMicros: bigint;
  slowCreditMicros: bigint;
  capMicros: bigint;
  /** Penalty and slow credits together, at most the cap. */
  chargeMicros: bigint;
}

type Numbers = Pick<
  SlaPolicy,
  | "penaltyBaseBps"
  | "penaltySlopeBps"
  | "penaltyMaxBps"
  | "repetitionBps"
  | "penaltyCapBps"
  | "slowCreditBps"
  | "slowShareFreeBps"
  | "compensationBpsMax"
>;

/** The charge of a window: `E x m(r) x short + slow credits`, at most the cap. */
export function chargeOf(figures: WindowFigures, sla: Numbers): WindowCharge {
  const { failedTokens, deliveredTokens, failedMicros } = figures;
  const errorRatePpmMax = Math.round(figures.errorRateMax * PARTS);
  const all = BigInt(failedTokens) + BigInt(deliveredTokens);
  const failed = BigInt(failedTokens) * BigInt(PARTS);
  const beyond = failed - BigInt(errorRatePpmMax) * all;
  const isBeyond = beyond > 0n;
  const shortMicros = isBeyond ? (failedMicros * beyond) / failed : 0n;
  const depthBps = isBeyond ? (BigInt(sla.penaltySlopeBps) * beyond) / (all * BigInt(PARTS)) : 0n;
  const multipleBps = Math.min(sla.penaltyMaxBps, sla.penaltyBaseBps + Number(depthBps));
  const step = Math.min(figures.strikes, sla.repetitionBps.length - 1);
  const repetitionBps = sla.repetitionBps[step] ?? Number(BASIS_POINTS);
  const penalty =
    (shortMicros * BigInt(multipleBps) * BigInt(repetitionBps)) / (BASIS_POINTS * BASIS_POINTS);
  const slowCredit = slowCredits(figures, sla).reduce((sum, micros) => sum + micros, 0n);
  const capMicros = (figures.lotsMicros * BigInt(sla.penaltyCapBps)) / BASIS_POINTS;
  return {
    failureRatePpm: all === 0n ? 0 : Number(failed / all),
    errorRatePpmMax,
    shortMicros,
    multipleBps,
    repetitionBps,
    penaltyMicros: penalty,
    slowCreditMicros: slowCredit,
    capMicros,
    chargeMicros: least(penalty + slowCredit, capMicros),
  };
}

/**
 * Each buyer's credit for slow deliveries, in the order of `buyers`: only for the share of deliveries
 * that were slow beyond what a window may have.
 */
function slowCredits(figures: WindowFigures, sla: Numbers): bigint[] {
  const { buyers, slowRequests, deliveredRequests } = figures;
  const slow = BigInt(slowRequests) * BASIS_POINTS;
  const beyond = slow - BigInt(sla.slowShareFreeBps) * BigInt(deliveredRequests);
  return buyers.map(({ slowMicros }) =>
    beyond <= 0n ? 0n : (slowMicros * BigInt(sla.slowCreditBps) * beyond) / (BASIS_POINTS * slow),
  );
}

/** What one buyer gets of a charge. */
export interface BuyerCredit {
  account: number;
  slowMicros: bigint;
  compensationMicros: bigint;
}

/**
 * Divides what was collected: credits for slowness first, then compensation for failures, at most
 * `compensationBpsMax` of what failed; what is left is the guaranty fund's.
 */
export function shareOut(
  collectedMicros: bigint,
  figures: WindowFigures,
  charge: WindowCharge,
  sla: Numbers,
): { credits: BuyerCredit[]; toGuarantyMicros: bigint } {
  const slow = slowCredits(figures, sla);
  const forSlow = least(charge.slowCreditMicros, collectedMicros);
  const most = (figures.failedMicros * BigInt(sla.compensationBpsMax)) / BASIS_POINTS;
  const forFailed = least(least(most, charge.penaltyMicros), collectedMicros - forSlow);
  const credits: BuyerCredit[] = [];
  let toGuarantyMicros = collectedMicros;
  for (const [at, { account, failedMicros }] of figures.buyers.entries()) {
    const slowMicros = part(forSlow, slow[at] ?? 0n, charge.slowCreditMicros);
    const compensationMicros = part(forFailed, failedMicros, figures.failedMicros);
    if (slowMicros + compensationMicros === 0n) continue;
    credits.push({ account, slowMicros, compensationMicros });
    toGuarantyMicros -= slowMicros + compensationMicros;
  }
  return { credits, toGuarantyMicros };
}

/** `amount` in the proportion of `share` to `whole`, rounded down. */
function part(amount: bigint, share: bigint, whole: bigint): bigint {
  return whole === 0n ? 0n : (amount * share) / whole;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
