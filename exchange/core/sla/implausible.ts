/**
 * What a supplier says that cannot well be so: many more tokens than came, or far more requests that are
 * the buyer's fault than others on the same instrument find. Each is written down as a breach of integrity.
 */
import { breach } from "#exchange/core/sla/integrity.ts";
import { standingOf } from "#exchange/core/sla/standing.ts";
import { type JudgedAttempt, REFUSALS_IMPLAUSIBLE, REFUSED } from "#exchange/core/sla/verdict.ts";
import { wilsonLower, Z_999 } from "#exchange/core/sla/wilson.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { policyOf, type Turn } from "#exchange/core/turn.ts";

/** What others' refusals may be exceeded by, where the policy says nothing. */
const REFUSALS_FACTOR = 5;
const REFUSALS_FREE_BPS = 200;
/** Deliveries of others that are enough to compare with, and refusals that are enough to be judged. */
const OTHERS_MIN = 100;
const REFUSALS_MIN = 10;
/** Tokenizers differ by a few times; this is no tokenizer. */
const INFLATION_FACTOR = 10;
const INFLATION_TOKENS_MIN = 1_000;

/** Looks at a supplier's count of tokens beside the exchange's own. */
export function reviewReport(
  turn: Turn,
  supplier: number,
  { reportedTokens, countedTokens }: { reportedTokens: number | null; countedTokens: number },
): void {
  if (reportedTokens === null) return;
  if (reportedTokens <= INFLATION_FACTOR * countedTokens + INFLATION_TOKENS_MIN) return;
  const detail = `reported ${reportedTokens} tokens, ${countedTokens} came`;
  breach(turn, { account: supplier, node: null, kind: "token-inflation", detail });
}

/**
 * Looks at a supplier that put a failure on its buyer. That is free of charge, so that it is worth
 * comparing: when at least its proved rate is several times what all others find, and more than a little,
 * it is told, once, and the count begins anew.
 */
export function reviewRefusal(
  turn: Turn,
  { supplier, cause }: JudgedAttempt,
  symbol: string,
): void {
  if (cause !== REFUSED) return;
  const standing = standingOf(turn.state, supplier, symbol);
  if (standing === null || standing.refusals.refused < REFUSALS_MIN) return;
  const { refused, answered } = standing.refusals;
  const others = othersOf(turn.state, supplier, symbol);
  if (others.refused + others.answered < OTHERS_MIN) return;
  const { refusalsFactor = REFUSALS_FACTOR, refusalsFreeBps = REFUSALS_FREE_BPS } = policyOf(
    turn.state,
  ).sla;
  const theirs = others.refused / (others.refused + others.answered);
  const limit = Math.max(refusalsFactor * theirs, refusalsFreeBps / 10_000);
  const proved = wilsonLower(refused, refused + answered, Z_999);
  if (proved <= limit) return;
  const percent = (share: number) => `${Math.round(share * 10_000) / 100} %`;
  const detail = `refused ${refused} of ${refused + answered} requests of ${symbol}: at least ${percent(proved)}, others ${percent(theirs)}`;
  breach(turn, { account: supplier, node: null, kind: REFUSALS_IMPLAUSIBLE, detail });
}

function othersOf(state: CoreState, supplier: number, symbol: string) {
  const sum = { refused: 0, answered: 0 };
  for (const { account, instruments } of state.suppliers.values()) {
    const refusals = account === supplier ? undefined : instruments.get(symbol)?.refusals;
    sum.refused += refusals?.refused ?? 0;
    sum.answered += refusals?.answered ?? 0;
  }
  return sum;
}
