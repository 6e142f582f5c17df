/**
 * What a supplier is answerable for of the time that an attempt took: from the moment its request was
 * on the wire, without the round trip, without what the exchange itself was late, and without the time
 * in which the client took nothing.
 */
import type { Measured } from "#exchange/core/sla/verdict.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Attempt, AttemptClock, DeliveryDependencies } from "./delivery-port.ts";

export interface MeasuredFacts {
  streamed: boolean;
  outputTokens: number;
  /** Time in which the supplier had no credit, because the client was slow. */
  clientWaitMs: number;
  /** What the exchange's event loop is usually late. */
  exchangeLateMs: number;
  /** Most of the round trip that is taken off. */
  roundTripMsMax: number;
  /** The instrument's ceiling for a first token: an answer that is not streamed may spend it unseen. */
  firstTokenMsMax: number;
}

/** Speed and time to first token; both null for an attempt that sent nothing. */
export function measuredOf(clock: AttemptClock, facts: MeasuredFacts): Measured {
  const { dispatchedMs, firstOutputMs, lastOutputMs } = clock;
  if (dispatchedMs === null || firstOutputMs === null || lastOutputMs === null) {
    return { firstTokenMs: null, tokensPerSecond: null };
  }
  const notTheirsMs =
    Math.min(clock.rttMs ?? 0, facts.roundTripMsMax) + Math.max(0, facts.exchangeLateMs);
  const firstMs = Math.max(0, firstOutputMs - dispatchedMs - notTheirsMs);
  if (!facts.streamed) {
    // The last token was made when the last of it came, however early the first byte was.
    const generatingMs = lastOutputMs - dispatchedMs - notTheirsMs - facts.firstTokenMsMax;
    return { firstTokenMs: null, tokensPerSecond: rate(facts.outputTokens, generatingMs) };
  }
  const generatingMs = lastOutputMs - firstOutputMs - facts.clientWaitMs;
  return {
    firstTokenMs: Math.round(firstMs),
    tokensPerSecond: rate(facts.outputTokens - 1, generatingMs),
  };
}

/** Null where no time passed that could be counted: as fast as it can be told. */
function rate(tokens: number, ms: number): number | null {
  return ms <= 0 || tokens <= 0 ? null : Math.round((tokens * 100_000) / ms) / 100;
}

/** Failures that a slow exchange can cause as well. */
const LATE_CAUSES: readonly string[] = ["timeout", "no-accept", "time-limit", "too-slow"];

/** A supplier is not blamed for what was late while the exchange was. */
export function blamedFor(cause: string, load: DeliveryDependencies["load"]): string {
  return LATE_CAUSES.includes(cause) && load.isSlow() ? "exchange-slow" : cause;
}

/** What an attempt is answerable for; nothing while the exchange itself is too slow to tell. */
export function measureAttempt(
  attempt: Attempt | null,
  { symbol, streamed }: Pick<ChatRequest, "symbol" | "streamed">,
  { shell, load }: Pick<DeliveryDependencies, "shell" | "load">,
  metered: { outputTokens: number; clientWaitMs: number },
): Measured {
  if (attempt === null || load.isSlow()) return { firstTokenMs: null, tokensPerSecond: null };
  return measuredOf(attempt.clock(), {
    ...metered,
    streamed,
    exchangeLateMs: load.lateMs(),
    roundTripMsMax: shell.state.policy?.sla.roundTripMsMax ?? 0,
    firstTokenMsMax: shell.state.instruments.get(symbol)?.instrument.firstTokenMsMax ?? 0,
  });
}
