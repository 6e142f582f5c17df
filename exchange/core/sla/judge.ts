/** The verdict on an attempt that delivered, and what one that failed counts for. */
import type { SlaPolicy } from "#exchange/core/sla/policy.ts";
import type { Measured } from "#exchange/core/sla/verdict.ts";
import type { Delivery } from "#exchange/core/state.ts";
import type { Instrument } from "#protocol/instrument.ts";
import { TOKENS_PER_UNIT } from "#protocol/money.ts";

const WHOLE_BPS = 10_000;

export interface Judged {
  verdict: "good" | "slow";
  slownessBps: number;
  why: string;
}

/** The instrument's ceiling for a first token after a prompt of that many tokens, in milliseconds. */
export function firstTokenLimitMs(
  { firstTokenMsMax }: Pick<Instrument, "firstTokenMsMax">,
  sla: Pick<SlaPolicy, "promptTokensFree" | "firstTokenMicrosPerPromptToken">,
  promptTokens: number,
): number {
  const further = Math.max(0, promptTokens - sla.promptTokensFree);
  return firstTokenMsMax + Math.floor((further * sla.firstTokenMicrosPerPromptToken) / 1_000);
}

/**
 * Good, or slow when it was beyond a limit by at least `slowBpsMin` of it. `measured` has round trip,
 * the exchange's own time and the client's pauses taken off; what was not measured is not judged.
 */
export function judge(
  measured: Measured,
  { promptTokens, completionTokens }: { promptTokens: number; completionTokens: number },
  instrument: Pick<Instrument, "firstTokenMsMax" | "tokensPerSecondMin">,
  sla: SlaPolicy,
): Judged {
  const { firstTokenMs, tokensPerSecond } = measured;
  const limitMs = firstTokenLimitMs(instrument, sla, promptTokens);
  const lateBps = firstTokenMs === null ? 0 : beyondBps(firstTokenMs - limitMs, limitMs);
  const isScored = tokensPerSecond !== null && completionTokens >= sla.scoredOutputTokensMin;
  const floor = instrument.tokensPerSecondMin;
  const draggingBps = isScored ? beyondBps(floor - tokensPerSecond, floor) : 0;
  const slownessBps = Math.max(lateBps, draggingBps);
  const first =
    firstTokenMs === null
      ? "first token not measured"
      : `first token after ${Math.round(firstTokenMs)} ms, limit ${limitMs} ms`;
  const speed = isScored
    ? `${Math.round(tokensPerSecond * 10) / 10} tokens/s, at least ${floor}`
    : "speed not scored";
  if (slownessBps < sla.slowBpsMin) {
    return { verdict: "good", slownessBps: 0, why: `${first}; ${speed}` };
  }
  return {
    verdict: "slow",
    slownessBps,
    why: `${first}; ${speed}; ${percent(slownessBps)} beyond`,
  };
}

/** How far beyond a limit, in basis points of it, at most the whole. */
function beyondBps(excess: number, limit: number): number {
  return excess <= 0 ? 0 : Math.min(WHOLE_BPS, Math.floor((excess * WHOLE_BPS) / limit));
}

const percent = (bps: number): string => `${bps / 100} %`;

/**
 * What a failed attempt counts for: the prompt, and what came or would have come of output, so that
 * failing early costs as much as failing late; at the price of the Lots that the buyer pays with.
 * To be asked before the attempt's reservation is given back.
 */
export function imputed(
  delivery: Pick<Delivery, "promptTokens" | "choices" | "maxOutputTokens" | "parts" | "owed">,
  instrument: Pick<Instrument, "tickMicrosPerUnit">,
  sla: Pick<SlaPolicy, "imputedOutputTokens">,
  streamedTokens: number,
): { tokens: number; valueMicros: bigint } {
  const { promptTokens, choices, maxOutputTokens } = delivery;
  const expected = Math.min(choices * maxOutputTokens, sla.imputedOutputTokens);
  const tokens = promptTokens + Math.max(streamedTokens, expected);
  const parts = delivery.owed?.parts ?? delivery.parts;
  let left = tokens;
  let valueTicks = 0n;
  for (const [at, part] of parts.entries()) {
    // Beyond what was reserved, the last Lot's price.
    const taken = at === parts.length - 1 ? left : Math.min(left, part.tokens);
    left -= taken;
    valueTicks += BigInt(taken) * BigInt(part.priceTicks);
  }
  const valueMicros = (valueTicks * BigInt(instrument.tickMicrosPerUnit)) / BigInt(TOKENS_PER_UNIT);
  return { tokens, valueMicros };
}
