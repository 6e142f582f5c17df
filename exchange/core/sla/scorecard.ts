/** Writing scorecards: called while events are applied, so nothing is decided here. */
import { causeOf } from "#exchange/core/sla/causes.ts";
import { forgetSlots, noteVerdict, SLOT_MS } from "#exchange/core/sla/health.ts";
import {
  type Scorecard,
  type Standing,
  type Stretch,
  type SupplierStanding,
  WEIGHT_BPS_WHOLE,
} from "#exchange/core/sla/standing.ts";
import { type JudgedAttempt, REFUSED } from "#exchange/core/sla/verdict.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { policyOf } from "#exchange/core/turn.ts";

/** A supplier's standing, made on first use. */
export function openSupplier(state: CoreState, account: number): SupplierStanding {
  let supplier = state.suppliers.get(account);
  if (supplier === undefined) {
    supplier = { account, instruments: new Map(), holdbacks: [], integrity: new Map() };
    state.suppliers.set(account, supplier);
  }
  return supplier;
}

/** Its standing with an instrument, made on first use: everybody begins in probation. */
export function openStanding(
  state: CoreState,
  account: number,
  symbol: string,
  atMs: number,
): Standing {
  const { instruments } = openSupplier(state, account);
  let standing = instruments.get(symbol);
  if (standing === undefined) {
    standing = {
      account,
      symbol,
      tier: "probation",
      tierSinceMs: atMs,
      inTier: { scored: 0, failed: 0 },
      strikes: 0,
      openLotsMicros: 0n,
      card: null,
      lastWindow: null,
      idle: {
        sinceMs: state.serving.canServe(account, symbol) ? null : atMs,
        msBySlot: new Map(),
      },
      failedSlots: new Set(),
      isUnwell: false,
      failedInRowAtMs: [],
      breaker: { phase: "closed" },
      weightBps: WEIGHT_BPS_WHOLE,
      weightStepsAtMs: null,
      recent: [],
      rolling: [],
      refusals: { refused: 0, answered: 0 },
      suspendedUntilMs: null,
      suspensionLevel: 0,
      suspensionEndedAtMs: null,
    };
    instruments.set(symbol, standing);
  }
  return standing;
}

/**
 * The scorecard of the running window. Begun by the first thing that happens in it (a Lot bought, used
 * or ended, a verdict), so the Lots that were open at its start are those that are open then.
 */
export function openCard(
  state: CoreState,
  account: number,
  symbol: string,
  atMs: number,
): { standing: Standing; card: Scorecard } {
  const standing = openStanding(state, account, symbol, atMs);
  let { card } = standing;
  if (card === null) {
    card = newCard(windowEndMs(state, atMs), standing.openLotsMicros);
    standing.card = card;
    state.due.push({ dueMs: card.endsAtMs, kind: "supplier-standing", id: account });
    forgetSlots(state, standing, atMs);
  }
  return { standing, card };
}

function newCard(endsAtMs: number, lotsMicros: bigint): Scorecard {
  return {
    endsAtMs,
    windowsCarried: 0,
    good: { requests: 0, tokens: 0 },
    slow: { requests: 0, tokens: 0 },
    failed: { requests: 0, tokens: 0 },
    excused: { requests: 0, tokens: 0 },
    failedMicros: 0n,
    lotsMicros,
    buyers: new Map(),
  };
}

/** The next end of a window on the UTC grid after `atMs`. */
export function windowEndMs(state: CoreState, atMs: number): number {
  const { windowMs } = policyOf(state).sla;
  return (Math.floor(atMs / windowMs) + 1) * windowMs;
}

/** A Lot was bought of its supplier. */
export function lotOpened(state: CoreState, lot: Lot): void {
  const { standing, card } = openCard(state, lot.supplier, lot.symbol, lot.boughtAtMs);
  standing.openLotsMicros += lot.valueMicros;
  card.lotsMicros += lot.valueMicros;
}

/** A Lot ended. */
export function lotClosed(state: CoreState, lot: Lot, atMs: number): void {
  const { standing } = openCard(state, lot.supplier, lot.symbol, atMs);
  standing.openLotsMicros -= lot.valueMicros;
  state.lotWatch?.ended(lot);
}

/** Books a verdict to the supplier's card and counts. */
export function bookVerdict(
  state: CoreState,
  { account, symbol, atMs }: { account: number; symbol: string; atMs: number },
  attempt: JudgedAttempt,
): void {
  const { standing, card } = openCard(state, attempt.supplier, symbol, atMs);
  const { verdict, valueMicros } = attempt;
  const count = card[verdict];
  count.requests += 1;
  count.tokens += attempt.tokens;
  countRefusal(standing, attempt);
  const { isUnsent, crash } = causeOf(attempt.cause);
  if (verdict === "excused") {
    // Under a request that breaks everyone too: whether it breaks this one anyway is not known.
    if (crash !== null) standing.isUnwell = true;
    return;
  }
  const isFailed = verdict === "failed";
  if (isFailed) {
    card.failedMicros += valueMicros;
    lossOf(card, account).failedMicros += valueMicros;
  } else if (verdict === "slow") {
    lossOf(card, account).slowMicros += (valueMicros * BigInt(attempt.slownessBps)) / 10_000n;
  }
  // Nothing was sent: its buyer is owed for it, and it says nothing more of how the supplier is.
  if (!isUnsent) countTried(state, standing, isFailed, atMs);
}

/** Old ones weigh half each time that so many were seen. */
const REFUSALS_SEEN_MAX = 10_000;

function countRefusal({ refusals }: Standing, { verdict, cause }: JudgedAttempt): void {
  if (cause === REFUSED) refusals.refused += 1;
  else if (verdict !== "excused" && !causeOf(cause).isUnsent) refusals.answered += 1;
  else return;
  if (refusals.refused + refusals.answered < REFUSALS_SEEN_MAX) return;
  refusals.refused = Math.floor(refusals.refused / 2);
  refusals.answered = Math.floor(refusals.answered / 2);
}

/** What was tried: by this the breaker, the throttle, suspension and the tier go. */
function countTried(state: CoreState, standing: Standing, isFailed: boolean, atMs: number): void {
  noteVerdict(standing, atMs, isFailed);
  standing.isUnwell = isFailed;
  const { sla } = policyOf(state);
  const steps = Math.ceil(sla.throttleWindowMs / sla.throttleStepMs);
  countIn(standing.recent, Math.floor(atMs / sla.throttleStepMs), isFailed, steps);
  countIn(
    standing.rolling,
    Math.floor(atMs / SLOT_MS),
    isFailed,
    Math.ceil(sla.windowMs / SLOT_MS),
  );
  standing.inTier.scored += 1;
  if (isFailed) {
    standing.inTier.failed += 1;
    standing.failedInRowAtMs.push(atMs);
    if (standing.failedInRowAtMs.length > sla.breakerFailures) standing.failedInRowAtMs.shift();
  } else if (standing.failedInRowAtMs.length > 0) standing.failedInRowAtMs = [];
}

function lossOf(card: Scorecard, buyer: number): { failedMicros: bigint; slowMicros: bigint } {
  let loss = card.buyers.get(buyer);
  if (loss === undefined) {
    loss = { failedMicros: 0n, slowMicros: 0n };
    card.buyers.set(buyer, loss);
  }
  return loss;
}

/** Counts an attempt in its stretch, and drops those that are further back than `kept`. */
function countIn(stretches: Stretch[], slot: number, isFailed: boolean, kept: number): void {
  let last = stretches.at(-1);
  if (last === undefined || last.slot !== slot) {
    last = { slot, scored: 0, failed: 0 };
    stretches.push(last);
    while ((stretches[0]?.slot ?? slot) <= slot - kept) stretches.shift();
  }
  last.scored += 1;
  if (isFailed) last.failed += 1;
}

/** Attempts of the throttle's window, and of the last window's length in slots. */
export function recentSpan(state: CoreState, atMs: number): { recent: number; rolling: number } {
  const { throttleStepMs, throttleWindowMs, windowMs } = policyOf(state).sla;
  return {
    recent: Math.floor(atMs / throttleStepMs) - Math.ceil(throttleWindowMs / throttleStepMs),
    rolling: Math.floor(atMs / SLOT_MS) - Math.ceil(windowMs / SLOT_MS),
  };
}
