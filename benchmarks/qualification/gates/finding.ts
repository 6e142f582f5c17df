/** What a gate found: one line of the verdict, with its evidence. */

/**
 * PASS and FAIL were decided at the stated error probabilities; INCONCLUSIVE needs more requests;
 * INVALID says that this machine or the method was not fit to judge. Never a bare number.
 */
export type Verdict = "PASS" | "FAIL" | "INCONCLUSIVE" | "INVALID";

/** Which promise of an instrument a gate is about. */
export type GateName =
  | "first-token"
  | "speed"
  | "tail"
  | "error-rate"
  | "context"
  | "output"
  | "quality"
  | "tools"
  | "json"
  | "api"
  | "capacity"
  | "metering"
  | "prefix-cache";

/** A sequential test as far as it went; drawn as a bar that fills toward PASS or FAIL. */
export interface SequentialState {
  /** Log-likelihood ratio of "meets it" over "does not". */
  score: number;
  /** At or above: PASS. */
  passAt: number;
  /** At or below: FAIL. */
  failAt: number;
  n: number;
  nMin: number;
  nMax: number;
  /** Share of good requests under "does not" and "does". */
  p0: number;
  p1: number;
  /** Probability of passing at p0, and of failing at p1. */
  alpha: number;
  beta: number;
}

export interface Finding {
  gate: GateName;
  /** For people: "median first token". */
  title: string;
  verdict: Verdict;
  /** Whether the instrument demands it; what is only shown never fails a server. */
  isJudged: boolean;
  unit: string;
  limit: number | null;
  /** Whether the estimate must be at most or at least the limit. */
  sense: "at-most" | "at-least";
  estimate: number | null;
  /** Two-sided interval of the estimate at `confidence`; null where n is too small for one. */
  interval: readonly [number, number] | null;
  confidence: number;
  n: number;
  sequential: SequentialState | null;
  /** Values in the order they came, thinned to at most 120, for a sparkline. */
  trace: readonly number[];
  /** One sentence: why this verdict. */
  reason: string;
  /** What the operator could change; null where nothing is wrong. */
  remedy: string | null;
  /** Figures of the gate's own, for the report. */
  details: Readonly<Record<string, string | number | boolean | null>>;
}

/** The verdict over judged findings: INVALID before FAIL before INCONCLUSIVE before PASS. */
export function overallVerdict(findings: readonly Finding[]): Verdict {
  const judged = findings.filter(({ isJudged }) => isJudged);
  const has = (verdict: Verdict) => judged.some((finding) => finding.verdict === verdict);
  if (has("INVALID")) return "INVALID";
  if (has("FAIL")) return "FAIL";
  return has("INCONCLUSIVE") || judged.length === 0 ? "INCONCLUSIVE" : "PASS";
}
