/**
 * Reading what a supplier sent beyond plain text: chunks of other kinds and whole answers. Only what
 * a buyer may see of it is kept; what does not have the form is null, and never an exception.
 */
import { outputTextOf } from "./metering.ts";

/** A choice as it goes to the buyer; why it finished is told once, at the end. */
export interface OutputChoice {
  index: number;
  delta: Record<string, unknown>;
  logprobs: unknown;
  finish_reason: null;
}

/** Output to meter; parts are counted apart, see `CompletionMeter`. */
export interface MeteredText {
  part: string;
  text: string;
}

export interface Chunk {
  /** Choices with something in them; none for a bare role, finish or usage. */
  choices: OutputChoice[];
  texts: MeteredText[];
  finishes: { index: number; reason: string }[];
}

export interface Answer {
  choices: object[];
  texts: MeteredText[];
}

/** The part of the meter that plain text of choice 0 belongs to. */
export const MAIN_PART = "0:content";

/** Reads one chunk of a stream with at most `choicesMax` choices; null when it is none. */
export function readChunk(json: string, choicesMax: number): Chunk | null {
  return readChoices(json, choicesMax, (choices) => {
    const chunk: Chunk = { choices: [], texts: [], finishes: [] };
    for (const [index, choice] of choices) {
      if (typeof choice.finish_reason === "string") {
        chunk.finishes.push({ index, reason: choice.finish_reason.slice(0, 40) });
      }
      const delta = isFields(choice.delta) ? choice.delta : {};
      const logprobs = choice.logprobs ?? null;
      if (logprobs === null && !Object.entries(delta).some(isOutput)) continue;
      chunk.choices.push({ index, delta, logprobs, finish_reason: null });
      addTexts(index, delta, chunk.texts);
    }
    return chunk;
  });
}

/** Reads an answer that was not streamed; null when it holds no message. */
export function readAnswer(json: string, choicesMax: number): Answer | null {
  return readChoices(json, choicesMax, (choices) => {
    if (choices.length === 0) return null;
    const answer: Answer = { choices: [], texts: [] };
    for (const [index, choice] of choices) {
      if (!isFields(choice.message)) return null;
      const { message, logprobs = null, finish_reason: reason } = choice;
      answer.choices.push({
        index,
        message: { ...message, role: "assistant" },
        logprobs,
        finish_reason: typeof reason === "string" ? reason.slice(0, 40) : "stop",
      });
      addTexts(index, message as Fields, answer.texts);
    }
    return answer;
  });
}

type Fields = Record<string, unknown>;

function readChoices<T>(
  json: string,
  choicesMax: number,
  read: (choices: [index: number, choice: Fields][]) => T | null,
): T | null {
  try {
    const value = JSON.parse(json) as { choices?: unknown } | null;
    if (!Array.isArray(value?.choices)) return null;
    const choices: [number, Fields][] = [];
    for (const choice of value.choices as unknown[]) {
      if (!isFields(choice)) return null;
      const { index = 0 } = choice;
      if (typeof index !== "number" || !Number.isInteger(index)) return null;
      // Choices that nobody asked for are neither billed nor forwarded.
      if (index >= 0 && index < choicesMax) choices.push([index, choice]);
    }
    return read(choices);
  } catch {
    // No JSON, or nested deeper than the stack.
    return null;
  }
}

function addTexts(index: number, fields: Fields, texts: MeteredText[]): void {
  const { content, other } = outputTextOf(fields);
  if (content !== "")
    texts.push({ part: index === 0 ? MAIN_PART : `${index}:content`, text: content });
  if (other !== "") texts.push({ part: `${index}:other`, text: other });
}

function isOutput([key, value]: [string, unknown]): boolean {
  if (key === "role" || value === null || value === "") return false;
  return !Array.isArray(value) || value.length > 0;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
