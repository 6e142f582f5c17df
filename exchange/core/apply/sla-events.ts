/** What verdicts and their consequences do to suppliers' standing. */
import { noteServing } from "#exchange/core/sla/health.ts";
import {
  bookVerdict,
  openStanding,
  openSupplier,
  windowEndMs,
} from "#exchange/core/sla/scorecard.ts";
import { endTrial } from "#exchange/core/sla/trials.ts";
import { REFUSALS_IMPLAUSIBLE } from "#exchange/core/sla/verdict.ts";
import type { Appliers } from "./apply.ts";

export const slaAppliers: Appliers<
  | "delivery-judged"
  | "breaker-opened"
  | "breaker-half-opened"
  | "breaker-closed"
  | "weight-changed"
  | "supplier-suspended"
  | "supplier-reinstated"
  | "tier-changed"
  | "window-closed"
  | "supplier-paid"
  | "holdback-released"
  | "integrity-recorded"
> = {
  "delivery-judged": (state, event) => {
    for (const attempt of event.attempts) {
      bookVerdict(state, event, attempt);
      endTrial(state, attempt.supplier, event.symbol, event.delivery);
    }
  },
  "breaker-opened": (state, { account, symbol, openings, halfOpensAtMs, atMs }) => {
    const standing = openStanding(state, account, symbol, atMs);
    standing.breaker = { phase: "open", openings, halfOpensAtMs };
    standing.failedInRowAtMs = [];
    state.serving.stop(account, symbol);
    noteServing(state, account, atMs);
    state.due.push({ dueMs: halfOpensAtMs, kind: "supplier-standing", id: account });
  },
  "breaker-half-opened": (state, { account, symbol, openings, atMs }) => {
    const standing = openStanding(state, account, symbol, atMs);
    standing.breaker = { phase: "half-open", openings, trials: [] };
    state.serving.tryOut(account, symbol);
    noteServing(state, account, atMs);
  },
  "breaker-closed": (state, { account, symbol, atMs }) => {
    openStanding(state, account, symbol, atMs).breaker = { phase: "closed" };
    state.serving.go(account, symbol);
  },
  "weight-changed": (state, { account, symbol, weightBps, nextStepAtMs, atMs }) => {
    const standing = openStanding(state, account, symbol, atMs);
    standing.weightBps = weightBps;
    standing.weightStepsAtMs = nextStepAtMs;
    if (nextStepAtMs === null) return;
    state.due.push({ dueMs: nextStepAtMs, kind: "supplier-standing", id: account });
  },
  "supplier-suspended": (state, { account, symbol, level, untilMs, atMs }) => {
    const standing = openStanding(state, account, symbol, atMs);
    standing.suspendedUntilMs = untilMs;
    standing.suspensionLevel = level;
    state.due.push({ dueMs: untilMs, kind: "supplier-standing", id: account });
  },
  // What led to the suspension was answered for: it does not suspend a second time.
  "supplier-reinstated": (state, { account, symbol, atMs }) => {
    const standing = openStanding(state, account, symbol, atMs);
    standing.suspendedUntilMs = null;
    standing.suspensionEndedAtMs = atMs;
    standing.rolling = [];
    standing.tier = "probation";
    standing.tierSinceMs = atMs;
    standing.inTier = { scored: 0, failed: 0 };
  },
  "tier-changed": (state, { account, symbol, tier, atMs }) => {
    const standing = openStanding(state, account, symbol, atMs);
    standing.tier = tier;
    standing.tierSinceMs = atMs;
    standing.inTier = { scored: 0, failed: 0 };
  },
  "window-closed": (state, event) => {
    const { account, symbol, atMs, charge, requests } = event;
    const standing = openStanding(state, account, symbol, atMs);
    const { card } = standing;
    if (card === null) throw new Error(`supplier ${account} has no open window of ${symbol}`);
    if (event.isCarried) {
      card.windowsCarried += 1;
      card.endsAtMs = windowEndMs(state, atMs);
      state.due.push({ dueMs: card.endsAtMs, kind: "supplier-standing", id: account });
      return;
    }
    if (event.paid.owedMicros > 0n) state.due.push({ dueMs: atMs, kind: "absence", id: account });
    standing.card = null;
    standing.strikes = event.strikesAfter;
    standing.lastWindow = {
      endsAtMs: event.endsAtMs,
      requests: requests.good + requests.slow + requests.failed,
      slowRequests: requests.slow,
      failedRequests: requests.failed,
      failureRatePpm: charge.failureRatePpm,
      chargeMicros: charge.chargeMicros,
      capMicros: charge.capMicros,
    };
  },
  "supplier-paid": (state, { account, heldBackMicros, releaseAtMs }) => {
    if (heldBackMicros === 0n || releaseAtMs === null) return;
    const { holdbacks } = openSupplier(state, account);
    holdbacks.push({ amountMicros: heldBackMicros, releaseAtMs });
    state.due.push({ dueMs: releaseAtMs, kind: "supplier-standing", id: account });
  },
  "holdback-released": (state, { account, leftMicros, nextReleaseAtMs }) => {
    const { holdbacks } = openSupplier(state, account);
    holdbacks.shift();
    if (leftMicros === 0n || nextReleaseAtMs === null) return;
    holdbacks.unshift({ amountMicros: leftMicros, releaseAtMs: nextReleaseAtMs });
    state.due.push({ dueMs: nextReleaseAtMs, kind: "supplier-standing", id: account });
  },
  "integrity-recorded": (state, { account, kind }) => {
    const { integrity, instruments } = openSupplier(state, account);
    integrity.set(kind, (integrity.get(kind) ?? 0) + 1);
    if (kind !== REFUSALS_IMPLAUSIBLE) return;
    // What was told is not told again.
    for (const standing of instruments.values()) standing.refusals = { refused: 0, answered: 0 };
  },
};
