/** How an attempt at a delivery is judged, and by what. */

/** `slow` finished beyond a limit; `excused` was not the supplier's doing and counts for nothing. */
export type Verdict = "good" | "slow" | "failed" | "excused";

/** The cause of an attempt that was not sent because the supplier's breaker was open, or its trials taken. */
export const PAUSED = "supplier-paused";
/** The cause of one that was not sent because no link of the supplier was up. */
export const AWAY = "supplier-away";

/** The cause of one that the supplier answered 400: the request is the buyer's fault, and nobody pays. */
export const REFUSED = "buyer-refused";

/** The kind of breach when that is told of far more requests than others tell it of. */
export const REFUSALS_IMPLAUSIBLE = "refusals-implausible";

/**
 * What the exchange measured of an attempt, in its own monotonic time with round trip, own overhead
 * and the client's pauses taken off. Null where it did not come to that.
 */
export interface Measured {
  firstTokenMs: number | null;
  tokensPerSecond: number | null;
}

/** A failed attempt, kept with its delivery until the delivery ends and all are judged together. */
export interface FailedAttempt {
  attempt: number;
  supplier: number;
  cause: string;
  /** Tokens that it counts for: the prompt, and what came or would have come of output. */
  tokens: number;
  valueMicros: bigint;
  /** What its reservation was worth at its own prices: others' prices are compared with it. */
  reservedMicros: bigint;
  /** What it and the guaranty fund may have to pay for others having served, at most. */
  chargeMaxMicros: bigint;
  guarantyMaxMicros: bigint;
}

/** One attempt as it is written down when the delivery ends. */
export interface JudgedAttempt {
  attempt: number;
  supplier: number;
  verdict: Verdict;
  cause: string;
  /** A sentence: which limit, which figure. */
  why: string;
  tokens: number;
  valueMicros: bigint;
  firstTokenMs: number | null;
  tokensPerSecond: number | null;
  /** Of a slow one: how far beyond its limits, in basis points of them, at most 10,000. */
  slownessBps: number;
}
