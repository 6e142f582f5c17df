/**
 * Metering a delivery's output: the text that crossed the exchange, in the reference tokenizer. What
 * a supplier reports is recorded beside it and never paid.
 */
import { RunningCount } from "./token-count.ts";

/** Meters one delivery's output. */
export interface CompletionMeter {
  /** Adds forwarded text of one part (a choice's content, its tool calls, …). True when the limit is reached and the backend must stop. */
  add(part: string, text: string): boolean;
  /** Tokens forwarded, never more than the limit. */
  total(): number;
}

/**
 * Builds a meter that stops at `limitTokens`. A token is at least one byte, so nothing is counted
 * while the bytes alone cannot reach the limit.
 */
export function createCompletionMeter(limitTokens: number): CompletionMeter {
  const parts = new Map<string, RunningCount>();
  let countedTokens = 0;
  let uncountedBytes = 0;

  function count(): void {
    countedTokens = 0;
    uncountedBytes = 0;
    for (const part of parts.values()) {
      countedTokens += part.total(limitTokens - countedTokens);
      if (countedTokens >= limitTokens) return;
    }
  }

  return {
    add(part, text) {
      let running = parts.get(part);
      if (running === undefined) {
        running = new RunningCount();
        parts.set(part, running);
      }
      running.add(text);
      uncountedBytes += Buffer.byteLength(text);
      if (countedTokens + uncountedBytes < limitTokens && !running.isLong) return false;
      count();
      return countedTokens >= limitTokens;
    },
    total() {
      count();
      return Math.min(limitTokens, countedTokens);
    },
  };
}

/** Names of roles, kinds and calls are framing, not output. */
const FRAMING = new Set(["role", "type", "id"]);

/** Whether a field of an answer is no output, and not counted. */
export function isFraming(key: string): boolean {
  return FRAMING.has(key);
}

/**
 * The text of a chunk's delta or a message: its content, and apart from it reasoning, refusal, tool
 * calls and whatever else a server streams.
 */
export function outputTextOf(delta: object): { content: string; other: string } {
  let content = "";
  let other = "";
  for (const [key, field] of Object.entries(delta)) {
    if (key === "content") content += stringsOf(field);
    else if (!FRAMING.has(key)) other += stringsOf(field);
  }
  return { content, other };
}

function stringsOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(stringsOf).join("");
  if (value === null || typeof value !== "object") return "";
  let text = "";
  for (const [key, field] of Object.entries(value)) {
    if (!FRAMING.has(key)) text += stringsOf(field);
  }
  return text;
}
