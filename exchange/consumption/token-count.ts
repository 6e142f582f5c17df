/**
 * Counting untrusted text in bounded time, all at once or as it comes. The tokenizer merges a piece
 * of its split pattern in quadratic time (64 KiB of one letter takes 1.6 s), so no piece may grow
 * without bound.
 */
import { countReferenceTokens } from "#protocol/reference-tokens.ts";

/** A run without a natural cut is cut after so many characters; ordinary text never gets there. */
export const RUN_CHARACTERS_MAX = 256;
/** Text handed to the tokenizer at a time; between two calls a limit can end the count. */
const SEGMENT_CHARACTERS = 8_192;
/** Text that a running count keeps before it counts it: bounds the memory of an open stream. */
const OPEN_CHARACTERS_MAX = 2_048;
/** Pieces that are kept apart, each with a string's overhead, before they are joined to one. */
const OPEN_PIECES_MAX = 32;

/** Stops of other scripts that end a word as a blank does. */
const WIDE_STOPS = new Set(
  [..."、。，．！？：；（）「」『』“”…—"].map((stop) => stop.charCodeAt(0)),
);
const APOSTROPHE = 39;

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/**
 * True when the tokenizer's split pattern always ends a piece between these two characters: after
 * letters (contractions aside) and after digits, when something else follows. Counting both sides of
 * such a cut and adding up gives the count of the whole.
 */
function isNaturalCut(before: number, after: number): boolean {
  const wide = WIDE_STOPS.has(after);
  if (after >= 128 && !wide) return false;
  if (isDigit(before)) return wide || !isDigit(after);
  if (!wide && (isLetter(after) || after === APOSTROPHE)) return false;
  if (isLetter(before)) return true;
  return before >= 128 && /^\p{L}$/u.test(String.fromCharCode(before));
}

/** Counts from the start up to the last cut (to the end when `whole`), or until `limitTokens`. */
function scan(
  text: string,
  whole: boolean,
  limitTokens: number,
): { tokens: number; counted: number } {
  let tokens = 0;
  let segment = 0;
  let run = 0;
  for (let at = 1; at < text.length; at += 1) {
    const after = text.charCodeAt(at);
    const natural = isNaturalCut(text.charCodeAt(at - 1), after);
    const isLowSurrogate = after >= 0xdc00 && after <= 0xdfff;
    const forced = !natural && at - run >= RUN_CHARACTERS_MAX && !isLowSurrogate;
    if (!natural && !forced) continue;
    run = at;
    if (!forced && at - segment < SEGMENT_CHARACTERS) continue;
    tokens += countReferenceTokens(text.slice(segment, at));
    segment = at;
    if (tokens >= limitTokens) return { tokens, counted: at };
  }
  const end = whole ? text.length : run;
  return { tokens: tokens + countReferenceTokens(text.slice(segment, end)), counted: end };
}

/** Reference tokens of a text; stops counting soon after `limitTokens`. */
export function countText(text: string, limitTokens: number = Number.POSITIVE_INFINITY): number {
  return scan(text, true, limitTokens).tokens;
}

/** The count of a text that comes in pieces: equal to `countText` of the whole, each part counted once. */
export class RunningCount {
  #closedTokens = 0;
  #open = "";
  #pieces: string[] = [];
  #length = 0;

  add(text: string): void {
    this.#length += text.length;
    if (this.#pieces.push(text) === OPEN_PIECES_MAX) this.#join();
  }

  /** `+=` would leave it in pieces. */
  #join(): void {
    this.#open = [this.#open, ...this.#pieces].join("");
    this.#pieces = [];
  }

  /** Whether enough is waiting that it should be counted now. */
  get isLong(): boolean {
    return this.#length >= OPEN_CHARACTERS_MAX;
  }

  /** Tokens so far; exact below `limitTokens`, at least `limitTokens` otherwise. */
  total(limitTokens: number): number {
    this.#join();
    const { tokens, counted } = scan(this.#open, false, limitTokens - this.#closedTokens);
    this.#closedTokens += tokens;
    this.#open = this.#open.slice(counted);
    this.#length = this.#open.length;
    if (this.#closedTokens >= limitTokens) return this.#closedTokens;
    return this.#closedTokens + countReferenceTokens(this.#open);
  }
}
