/** The charge of a window and who gets it, by the formulas of `docs/sla.md`: integers, each step rounded down. */
import type { SlaPolicy } from "#exchange/core/sla/policy.ts";
import type { Verdict } from "#exchange/core/sla/verdict.ts";

const BPS = 10_000n;
const PPM = 1_000_000n;
export const min = (...amounts: bigint[]): bigint => amounts.reduce((a, b) => (a < b ? a : b));
export const sumOf = (amounts: Iterable<bigint>): bigint =>
  [...amounts].reduce((a, b) => a + b, 0n);

export interface Card {
  endsAtMs: number;
  carried: number;
  requests: Record<Verdict, bigint>;
  tokens: Record<Verdict, bigint>;
  failedMicros: bigint;
  lotsMicros: bigint;
  /** By buyer. */
  failed: Map<number, bigint>;
  slow: Map<number, bigint>;
}

export interface DueCharge {
  penalty: bigint;
  slowCredit: bigint;
  charge: bigint;
  slowByBuyer: Map<number, bigint>;
}

export function chargeOf(
  { tokens, requests, failedMicros, lotsMicros, slow }: Card,
  strikes: number,
  account: number,
  sla: SlaPolicy,
  errorRateMax: number,
): DueCharge {
  const all = tokens.good + tokens.slow + tokens.failed;
  // r - r0, in tokens times a million.
  const beyond = tokens.failed * PPM - BigInt(Math.round(errorRateMax * 1e6)) * all;
  let penalty = 0n;
  if (beyond > 0n) {
    const short = (failedMicros * beyond) / (tokens.failed * PPM);
    const depth = (BigInt(sla.penaltySlopeBps) * beyond) / (all * PPM);
    const m = min(BigInt(sla.penaltyMaxBps), BigInt(sla.penaltyBaseBps) + depth);
    const again = sla.repetitionBps[Math.min(strikes, sla.repetitionBps.length - 1)] ?? 10_000;
    penalty = (short * m * BigInt(again)) / (BPS * BPS);
  }
  const delivered = requests.good + requests.slow;
  const overSlow = requests.slow * BPS - BigInt(sla.slowShareFreeBps) * delivered;
  const slowByBuyer = new Map<number, bigint>();
  for (const [buyer, micros] of slow) {
    if (overSlow <= 0n || buyer === account) continue;
    const credit = (micros * BigInt(sla.slowCreditBps) * overSlow) / (BPS * BPS * requests.slow);
    slowByBuyer.set(buyer, credit);
  }
  const slowCredit = sumOf(slowByBuyer.values());
  const cap = (lotsMicros * BigInt(sla.penaltyCapBps)) / BPS;
  return { penalty, slowCredit, charge: min(penalty + slowCredit, cap), slowByBuyer };
}

/** Slow credits first, then compensation in proportion; by buyer's number. */
export function creditsOf(
  { failed, failedMicros }: Card,
  { penalty, slowCredit, slowByBuyer }: DueCharge,
  collected: bigint,
  { compensationBpsMax }: SlaPolicy,
  account: number,
): Map<number, bigint> {
  const forSlow = min(slowCredit, collected);
  const most = (failedMicros * BigInt(compensationBpsMax)) / BPS;
  const forFailed = min(most, penalty, collected - forSlow);
  const credits = new Map<number, bigint>();
  const buyers = [...new Set([...failed.keys(), ...slowByBuyer.keys()])].sort((a, b) => a - b);
  for (const buyer of buyers) {
    if (buyer === account) continue;
    const bySlow = slowCredit === 0n ? 0n : (forSlow * (slowByBuyer.get(buyer) ?? 0n)) / slowCredit;
    const byFailed =
      failedMicros === 0n ? 0n : (forFailed * (failed.get(buyer) ?? 0n)) / failedMicros;
    if (bySlow + byFailed > 0n) credits.set(buyer, bySlow + byFailed);
  }
  return credits;
}
