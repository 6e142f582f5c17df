/**
 * Counting the text that crossed the exchange, in the reference tokenizer. What a supplier reports
 * is recorded beside it and never paid.
 */
import { countReferenceTokens } from "#protocol/reference-tokens.ts";

/** Text is counted in pieces of about this size, so that a long answer is not counted again and again. */
const PIECE_CHARACTERS = 2_000;

/** Meters one delivery's output; all choices, tool calls and reasoning together. */
export interface CompletionMeter {
  /** Adds forwarded text. True when the limit is reached and the backend must stop. */
  add(text: string): boolean;
  /** Tokens forwarded, never more than the limit. */
  total(): number;
}

/**
 * Builds a meter that stops at `limitTokens`. A token is at least one byte, so nothing is counted
 * while the bytes alone cannot reach the limit.
 */
export function createCompletionMeter(limitTokens: number): CompletionMeter {
  let closedTokens = 0;
  let open = "";
  let openTokens = 0;
  let uncountedBytes = 0;

  function count(): void {
    // Words keep their leading space in this tokenizer, so a cut before a space is neutral.
    const cut = open.length > PIECE_CHARACTERS ? open.lastIndexOf(" ") : -1;
    if (cut > 0) {
      closedTokens += countReferenceTokens(open.slice(0, cut));
      open = open.slice(cut);
    }
    openTokens = countReferenceTokens(open);
    uncountedBytes = 0;
  }

  return {
    add(text) {
      open += text;
      uncountedBytes += Buffer.byteLength(text);
      if (closedTokens + openTokens + uncountedBytes < limitTokens) return false;
      count();
      return closedTokens + openTokens >= limitTokens;
    },
    total() {
      count();
      return Math.min(limitTokens, closedTokens + openTokens);
    },
  };
}

/** Fields of a chunk's delta (or a message) whose strings are output. */
export function outputTextOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(outputTextOf).join("");
  if (value === null || typeof value !== "object") return "";
  let text = "";
  for (const [key, field] of Object.entries(value)) {
    // Names of roles, kinds and calls are framing, not output.
    if (key !== "role" && key !== "type" && key !== "id") text += outputTextOf(field);
  }
  return text;
}
