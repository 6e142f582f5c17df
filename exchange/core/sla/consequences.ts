/** What a verdict leads to at once: the breaker, the throttle, suspension. */
import { asksServedBy } from "#exchange/core/clearing/offers.ts";
import { closeOrder } from "#exchange/core/market/closing.ts";
import { causeOf } from "#exchange/core/sla/causes.ts";
import { recentSpan } from "#exchange/core/sla/scorecard.ts";
import {
  type Standing,
  standingOf,
  totalOf,
  WEIGHT_BPS_WHOLE,
} from "#exchange/core/sla/standing.ts";
import type { JudgedAttempt } from "#exchange/core/sla/verdict.ts";
import { wilsonLower, Z_999 } from "#exchange/core/sla/wilson.ts";
import { suspendAsks } from "#exchange/core/supply/nodes.ts";
import { instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";

/**
 * Looks at a supplier after one of its attempts was judged. Only a failure can make it worse, and only
 * what was sent on trial decides a trial: what ran before says nothing of how it is now.
 */
export function reviewAttempt(
  turn: Turn,
  { supplier: account, verdict, cause }: Pick<JudgedAttempt, "supplier" | "verdict" | "cause">,
  symbol: string,
  wasTrial: boolean,
): void {
  // What it was not sent says nothing of how it serves.
  if (verdict === "excused" || causeOf(cause).isUnsent) return;
  const standing = standingOf(turn.state, account, symbol);
  if (standing === null) throw new Error(`supplier ${account} was judged and has no standing`);
  const decidesTrial = wasTrial && standing.breaker.phase === "half-open";
  if (verdict !== "failed") {
    if (decidesTrial) closeBreaker(turn, standing);
    return;
  }
  if (decidesTrial || isBreaking(turn, standing)) openBreaker(turn, standing);
  if (standing.weightStepsAtMs === null && failsTooOften(turn, standing)) {
    stepWeight(turn, standing);
  }
  const why = reasonToSuspend(turn, standing);
  if (why !== null) suspend(turn, account, symbol, why);
}

function isBreaking(turn: Turn, { breaker, failedInRowAtMs }: Standing): boolean {
  const { breakerFailures, breakerWithinMs } = policyOf(turn.state).sla;
  if (breaker.phase !== "closed" || failedInRowAtMs.length < breakerFailures) return false;
  return turn.nowMs - (failedInRowAtMs[0] ?? 0) <= breakerWithinMs;
}

/** Nothing is dispatched for a while; its asks leave the book until it is tried out. */
function openBreaker(turn: Turn, { account, symbol, breaker }: Standing): void {
  const { sla } = policyOf(turn.state);
  const openings = breaker.phase === "closed" ? 1 : breaker.openings + 1;
  const openMs = Math.min(sla.breakerOpenMs * 2 ** (openings - 1), sla.breakerOpenMsMax);
  turn.emit({
    type: "breaker-opened",
    version: 2,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    symbol,
    openings,
    halfOpensAtMs: turn.nowMs + openMs,
  });
  suspendAsks(turn, account, symbol);
}

function closeBreaker(turn: Turn, { account, symbol }: Standing): void {
  turn.emit({
    type: "breaker-closed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    symbol,
  });
}

function failsTooOften(turn: Turn, { recent }: Standing): boolean {
  const { throttleRequestsMin, throttleFailureBps } = policyOf(turn.state).sla;
  const { scored, failed } = totalOf(recent, recentSpan(turn.state, turn.nowMs).recent);
  return scored >= throttleRequestsMin && failed * WEIGHT_BPS_WHOLE > throttleFailureBps * scored;
}

/** One step: half of the weight while failures are frequent, a tenth back while they are not. */
export function stepWeight(turn: Turn, standing: Standing): void {
  const { account, symbol, recent } = standing;
  const { sla } = policyOf(turn.state);
  const weightBps = failsTooOften(turn, standing)
    ? Math.max(sla.throttleWeightBpsMin, Math.floor(standing.weightBps / 2))
    : Math.min(WEIGHT_BPS_WHOLE, standing.weightBps + sla.throttleRecoveryBps);
  const { scored, failed } = totalOf(recent, recentSpan(turn.state, turn.nowMs).recent);
  turn.emit({
    type: "weight-changed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    symbol,
    weightBps,
    scored,
    failed,
    nextStepAtMs: weightBps === WEIGHT_BPS_WHOLE ? null : turn.nowMs + sla.throttleStepMs,
  });
}

/** Why the rolling counts suspend a supplier, in words, or null when they do not. */
function reasonToSuspend(turn: Turn, standing: Standing): string | null {
  if (standing.suspendedUntilMs !== null) return null;
  const { suspensionRequestsMin, suspensionErrorFactor } = policyOf(turn.state).sla;
  const { scored, failed } = totalOf(standing.rolling, recentSpan(turn.state, turn.nowMs).rolling);
  if (scored < suspensionRequestsMin) return null;
  const { errorRateMax } = instrumentOf(turn.state, standing.symbol).instrument;
  const limit = suspensionErrorFactor * errorRateMax;
  const lower = wilsonLower(failed, scored, Z_999);
  if (lower <= limit) return null;
  const percent = (share: number) => `${Math.round(share * 10_000) / 100} %`;
  return `${failed} of ${scored} failed: at least ${percent(lower)}, limit ${percent(limit)}`;
}

/**
 * Suspends a supplier's instrument: asks are cancelled, nothing new is issued or offered; what is
 * owed is still served. Does nothing to one that is suspended already.
 */
export function suspend(turn: Turn, account: number, symbol: string, why: string): boolean {
  const standing = standingOf(turn.state, account, symbol);
  if (standing !== null && standing.suspendedUntilMs !== null) return false;
  const { sla } = policyOf(turn.state);
  const level = (standing === null ? 0 : levelLeft(standing, turn.nowMs, sla)) + 1;
  const last = sla.suspensionMs.length;
  const lengthMs = sla.suspensionMs[Math.min(level, last) - 1] ?? 0;
  turn.emit({
    type: "supplier-suspended",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    symbol,
    level,
    untilMs: turn.nowMs + lengthMs,
    why,
  });
  const asks = asksServedBy(turn.state, account, symbol);
  for (const ask of asks) closeOrder(turn, ask, "cancelled", "supplier_suspended");
  return true;
}

/** A level is forgiven for each stretch of time without a suspension. */
function levelLeft(
  { suspensionLevel, suspensionEndedAtMs }: Standing,
  nowMs: number,
  { suspensionForgivenMs }: { suspensionForgivenMs: number },
): number {
  if (suspensionEndedAtMs === null) return suspensionLevel;
  const forgiven = Math.floor((nowMs - suspensionEndedAtMs) / suspensionForgivenMs);
  return Math.max(0, suspensionLevel - forgiven);
}
