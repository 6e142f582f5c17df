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

/** A choice of an answer that was not streamed. */
export interface AnswerChoice {
  index: number;
  message: Record<string, unknown>;
  logprobs: unknown;
  /** Null where the supplier gave none. */
  finish_reason: string | null;
}

export interface Answer {
  choices: AnswerChoice[];
  texts: MeteredText[];
}

/** The part of the meter that plain text of choice 0 belongs to. */
export const MAIN_PART = "0:content";

/** Whether a chunk has any output to meter; a role, a finish or nothing at all begins no answer. */
export function holdsText(json: string): boolean {
  return (readChunk(json, Number.MAX_SAFE_INTEGER)?.texts.length ?? 0) > 0;
}

/**
 * Reads one chunk of a stream of `choicesMax` choices; null when it is none, has a choice twice, or one
 * that nobody asked for.
 */
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

/** Reads an answer that was not streamed; null unless it has each of so many choices once, with a message. */
export function readAnswer(json: string, choicesCount: number): Answer | null {
  return readChoices(json, choicesCount, (choices) => {
    if (choices.length !== choicesCount) return null;
    const answers: AnswerChoice[] = [];
    for (const [index, choice] of choices) {
      if (!isFields(choice.message)) return null;
      const { message, logprobs = null, finish_reason: reason } = choice;
      answers.push({
        index,
        message: { ...message, role: "assistant" },
        logprobs,
        finish_reason: typeof reason === "string" ? reason.slice(0, 40) : null,
      });
    }
    return { choices: answers, texts: textsOf(answers) };
  });
}

/** What there is to meter of choices of a whole answer. */
export function textsOf(choices: readonly AnswerChoice[]): MeteredText[] {
  const texts: MeteredText[] = [];
  for (const { index, message } of choices) addTexts(index, message, texts);
  return texts;
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
    const seen = new Set<unknown>();
    for (const choice of value.choices as unknown[]) {
      if (!isFields(choice)) return null;
      const { index = 0 } = choice;
      if (typeof index !== "number" || !Number.isInteger(index)) return null;
      if (index < 0 || index >= choicesMax || seen.has(index)) return null;
      seen.add(index);
      choices.push([index, choice]);
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
