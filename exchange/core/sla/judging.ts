/** Judging a delivery when it ends: every attempt gets a verdict, and scores follow from it. */
import type { Command } from "#exchange/core/commands.ts";
import { causeOf, isClientsDoing, isSaidAlone } from "#exchange/core/sla/causes.ts";
import { reviewAttempt } from "#exchange/core/sla/consequences.ts";
import { reviewRefusal, reviewReport } from "#exchange/core/sla/implausible.ts";
import { imputed, judge } from "#exchange/core/sla/judge.ts";
import { isOnTrial } from "#exchange/core/sla/trials.ts";
import type { FailedAttempt, JudgedAttempt } from "#exchange/core/sla/verdict.ts";
import type { Delivery } from "#exchange/core/state.ts";
import { instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";

/** A request that breaks whoever serves it: no supplier's failure. */
const POISON = "poison-request";

/**
 * A delivery that is paid: its last attempt is good or slow, earlier ones failed. Where the client left
 * in the middle nobody can tell how it would have gone on: it is excused.
 */
export function judgeSettled(
  turn: Turn,
  delivery: Delivery,
  settled: Command<"settle-delivery">,
  paid: { usedTokens: number; costMicros: bigint },
): void {
  const { instrument } = instrumentOf(turn.state, delivery.symbol);
  const { measured, cause } = settled;
  const judged = judge(measured, settled, instrument, policyOf(turn.state).sla);
  const { verdict, slownessBps, why } = isClientsDoing(cause)
    ? { verdict: "excused" as const, slownessBps: 0, why: causeOf(cause).words }
    : judged;
  emitJudged(turn, delivery, delivery.failures.map(judgedFailure), {
    attempt: delivery.attempt,
    supplier: delivery.supplier,
    verdict,
    cause,
    why,
    tokens: paid.usedTokens,
    valueMicros: paid.costMicros,
    firstTokenMs: measured.firstTokenMs,
    tokensPerSecond: measured.tokensPerSecond,
    slownessBps,
  });
  const countedTokens = settled.promptTokens + settled.completionTokens;
  const { reportedTokens } = settled;
  reviewReport(turn, delivery.supplier, { reportedTokens, countedTokens });
}

/**
 * A delivery that nobody pays for. Excused, it excuses its last attempt; those that failed before did so
 * by themselves, and a client that then leaves does not undo it. Poison alone excuses all.
 */
export function judgeReleased(
  turn: Turn,
  delivery: Delivery,
  released: Pick<Command<"release-delivery">, "verdict" | "cause" | "completionTokens">,
): void {
  const { state } = turn;
  const { instrument } = instrumentOf(state, delivery.symbol);
  const { cause, completionTokens } = released;
  const { sla } = policyOf(state);
  const counted = imputed(delivery, instrument, sla, completionTokens);
  const last = judgedFailure({
    attempt: delivery.attempt,
    supplier: delivery.supplier,
    cause,
    ...counted,
  });
  const earlier = delivery.failures.map(judgedFailure).map(believed);
  const excuse = excusedBy(`excused with the delivery: ${causeOf(cause).words}`);
  if (cause === POISON) emitJudged(turn, delivery, earlier.map(excuse), excuse(last));
  else emitJudged(turn, delivery, earlier, released.verdict === "failed" ? last : excuse(last));
}

const excusedBy =
  (why: string) =>
  (attempt: JudgedAttempt): JudgedAttempt => ({ ...attempt, verdict: "excused", why });

/** What a supplier said of the request stands where no other one answered it. */
function believed(attempt: JudgedAttempt): JudgedAttempt {
  return isSaidAlone(attempt.cause) ? excusedBy("nobody answered the request")(attempt) : attempt;
}

type Failure = Pick<FailedAttempt, "attempt" | "supplier" | "cause" | "tokens" | "valueMicros">;

function judgedFailure({ attempt, supplier, cause, tokens, valueMicros }: Failure): JudgedAttempt {
  const { verdict, words } = causeOf(cause);
  return {
    attempt,
    supplier,
    verdict,
    cause,
    why: words,
    tokens,
    valueMicros,
    firstTokenMs: null,
    tokensPerSecond: null,
    slownessBps: 0,
  };
}

function emitJudged(
  turn: Turn,
  delivery: Delivery,
  earlier: readonly JudgedAttempt[],
  last: JudgedAttempt,
): void {
  const { symbol } = delivery;
  const attempts = earlier.length === 0 ? [last] : [...earlier, last];
  const onTrial = attempts.map(({ supplier }) =>
    isOnTrial(turn.state, supplier, symbol, delivery.number),
  );
  turn.emit({
    type: "delivery-judged",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    delivery: delivery.number,
    account: delivery.account,
    symbol,
    policyVersion: policyOf(turn.state).sla.version,
    attempts,
  });
  for (const [at, attempt] of attempts.entries()) {
    reviewAttempt(turn, attempt, symbol, onTrial[at] ?? false);
    reviewRefusal(turn, attempt, symbol);
  }
}
