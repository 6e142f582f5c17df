/**
 * The reference tokenizer: the one count that a Unit is measured in, whoever serves it.
 * Text that looks like a special token is counted as ordinary text; untrusted text must never throw.
 */
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";

const PLAIN_TEXT = { disallowedSpecial: new Set<string>() };

/** Tokens added for the frame of each chat message (role and separators). */
export const TOKENS_PER_MESSAGE = 4;

/** Reference tokens in a text. */
export function countReferenceTokens(text: string): number {
  return text.length === 0 ? 0 : countTokens(text, PLAIN_TEXT);
}
