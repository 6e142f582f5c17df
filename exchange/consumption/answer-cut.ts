/**
 * Cutting an answer that was not streamed to what was reserved: as with a stream, nobody gets more than
 * can be billed.
 */
import { countReferenceTokens } from "#protocol/reference-tokens.ts";
import { isFraming } from "./metering.ts";
import type { AnswerChoice } from "./supplier-output.ts";
import { countText } from "./token-count.ts";

/** Characters that are counted at a time on the way to the cut. */
const STEP_CHARACTERS = 512;
/** Why a choice ended that was cut, as OpenAI names it. */
const CUT = "length";

/** The choices with at most `limitTokens` of output, those that lost some ended with `length`. */
export function cutAnswer(
  choices: readonly AnswerChoice[],
  limitTokens: number,
): { choices: AnswerChoice[]; isCut: boolean } {
  let left = limitTokens;
  let cuts = 0;

  function cutString(text: string): string {
    const tokens = countText(text, left + 1);
    if (tokens <= left) {
      left -= tokens;
      return text;
    }
    const kept = beginningOf(text, left);
    left = 0;
    cuts += 1;
    return kept;
  }

  function cutValue(value: unknown): unknown {
    if (typeof value === "string") return cutString(value);
    if (Array.isArray(value)) return value.map(cutValue);
    if (value === null || typeof value !== "object") return value;
    return cutFields(value as Record<string, unknown>);
  }

  function cutFields(fields: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [key, isFraming(key) ? value : cutValue(value)]),
    );
  }

  const kept = choices.map((choice) => {
    const before = cuts;
    const message = cutFields(choice.message);
    return cuts === before ? choice : { ...choice, message, logprobs: null, finish_reason: CUT };
  });
  return { choices: kept, isCut: cuts > 0 };
}

/** The longest beginning that surely has no more tokens than that. */
function beginningOf(text: string, tokensMax: number): string {
  let at = 0;
  let left = tokensMax;
  for (;;) {
    const step = text.slice(at, at + STEP_CHARACTERS);
    const tokens = countReferenceTokens(step);
    if (tokens > left) return text.slice(0, at + fitting(step, left));
    if (step === "") return text;
    left -= tokens;
    at += step.length;
  }
}

/** How many characters of a short text have at most so many tokens; never half of one. */
function fitting(text: string, tokensMax: number): number {
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (countReferenceTokens(text.slice(0, middle)) <= tokensMax) low = middle;
    else high = middle - 1;
  }
  const last = text.charCodeAt(low - 1);
  return last >= 0xd800 && last <= 0xdbff ? low - 1 : low;
}
