/** Closing a window: the statement of what it costs, charged and handed on in one event. */
import { chargePostings, collected, planCharge } from "#exchange/core/clearing/waterfall.ts";
import { GUARANTY } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { chargeOf, shareOut, type WindowFigures } from "#exchange/core/sla/charge.ts";
import type { Scorecard, Standing } from "#exchange/core/sla/standing.ts";
import { wilsonLower, Z_99 } from "#exchange/core/sla/wilson.ts";
import { instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";

/** Closes the window of a scorecard, or carries it over when it has too few deliveries to judge by. */
export function closeWindow(turn: Turn, standing: Standing, card: Scorecard): void {
  const { state } = turn;
  const { account, symbol, strikes } = standing;
  const { sla } = policyOf(state);
  const figures = figuresOf(turn, standing, card);
  const scored = figures.deliveredRequests + card.failed.requests;
  const isEnough = scored >= sla.requestsPerWindowMin;
  const isCarried = scored > 0 && !isEnough && card.windowsCarried < sla.windowsCarriedMax;
  const charge = chargeOf(figures, sla);
  const paid = planCharge(state, account, isCarried ? 0n : charge.chargeMicros);
  const { credits, toGuarantyMicros } = shareOut(collected(paid), figures, charge, sla);
  const isStrike = isEnough && charge.penaltyMicros > 0n;
  turn.emit({
    type: "window-closed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    symbol,
    endsAtMs: card.endsAtMs,
    policyVersion: sla.version,
    isCarried,
    requests: {
      good: card.good.requests,
      slow: card.slow.requests,
      failed: card.failed.requests,
      excused: card.excused.requests,
    },
    tokens: {
      good: card.good.tokens,
      slow: card.slow.tokens,
      failed: card.failed.tokens,
      excused: card.excused.tokens,
    },
    failedMicros: card.failedMicros,
    lotsMicros: card.lotsMicros,
    strikes,
    strikesAfter: strikesAfter(strikes, { isEnough, isStrike }),
    charge,
    paid,
    credits,
    toGuarantyMicros,
    postings: [
      ...chargePostings(account, paid, GUARANTY),
      ...credits.map(
        (credit): Posting => ({
          kind: "move",
          from: GUARANTY,
          to: state.ledger.names.available(credit.account),
          amount: credit.slowMicros + credit.compensationMicros,
        }),
      ),
    ],
  });
  if (!isCarried) endProbation(turn, standing);
}

/** A strike more for a charged window, one less for a clean one; too few deliveries say nothing. */
function strikesAfter(
  strikes: number,
  { isEnough, isStrike }: { isEnough: boolean; isStrike: boolean },
): number {
  if (!isEnough) return strikes;
  return isStrike ? strikes + 1 : Math.max(0, strikes - 1);
}

function figuresOf(turn: Turn, { account, symbol, strikes }: Standing, card: Scorecard) {
  const figures: WindowFigures = {
    deliveredTokens: card.good.tokens + card.slow.tokens,
    failedTokens: card.failed.tokens,
    deliveredRequests: card.good.requests + card.slow.requests,
    slowRequests: card.slow.requests,
    failedMicros: card.failedMicros,
    lotsMicros: card.lotsMicros,
    errorRateMax: instrumentOf(turn.state, symbol).instrument.errorRateMax,
    strikes,
    // By number: a restored state has its rows in another order than one that was lived.
    buyers: [...card.buyers]
      .filter(([buyer]) => buyer !== account)
      .sort(([a], [b]) => a - b)
      .map(([buyer, loss]) => ({ account: buyer, ...loss })),
  };
  return figures;
}

/** Long enough, enough of it good, and no more failures than the instrument allows can be proved. */
function endProbation(turn: Turn, { account, symbol, tier, tierSinceMs, inTier }: Standing): void {
  const { probationMs, probationRequestsMin } = policyOf(turn.state).sla;
  const { scored, failed } = inTier;
  if (tier !== "probation" || turn.nowMs - tierSinceMs < probationMs) return;
  if (scored - failed < probationRequestsMin) return;
  const { errorRateMax } = instrumentOf(turn.state, symbol).instrument;
  if (wilsonLower(failed, scored, Z_99) > errorRateMax) return;
  turn.emit({
    type: "tier-changed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    symbol,
    tier: "standard",
  });
}
