/** What one attempt has produced so far: metered text, reasons to finish, or the body of an answer. */
import { cutAnswer } from "./answer-cut.ts";
import { type CompletionMeter, createCompletionMeter } from "./metering.ts";
import {
  type AnswerChoice,
  MAIN_PART,
  type MeteredText,
  type OutputChoice,
  readAnswer,
  readChunk,
  textsOf,
} from "./supplier-output.ts";

/** Largest answer that is not streamed. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Choices without any text that wait for the answer to begin. */
const HELD_CHOICES_MAX = 16;

export interface AttemptOutputOptions {
  /** Tokens reserved for output, of all choices together. */
  limitTokens: number;
  choices: number;
}

/** A chunk's part of the answer. */
export interface Added {
  /** What there is to forward. */
  choices: readonly OutputChoice[];
  /** There is output to meter in it. */
  hasText: boolean;
  /** The reservation is used up. */
  full: boolean;
}

/** A whole answer as the buyer gets it, or what keeps it from being one. */
export type WholeAnswer =
  | { ok: true; choices: readonly AnswerChoice[]; isCut: boolean }
  | { ok: false; problem: "malformed" | "truncated" };

export class AttemptOutput {
  readonly #limitTokens: number;
  readonly #choicesMax: number;
  readonly #finishes = new Map<number, string>();
  #meter: CompletionMeter;
  #held: OutputChoice[] = [];
  #body: Buffer[] = [];
  #bodyBytes = 0;

  constructor({ limitTokens, choices }: AttemptOutputOptions) {
    this.#limitTokens = limitTokens;
    this.#meter = createCompletionMeter(limitTokens);
    this.#choicesMax = choices;
  }

  /** Why each choice ended, as far as the supplier said. */
  get finishes(): ReadonlyMap<number, string> {
    return this.#finishes;
  }

  /** Metered tokens, never more than reserved. */
  tokens(): number {
    return this.#meter.total();
  }

  /** Adds text of choice 0. True when the reservation is used up. */
  addText(text: string): boolean {
    return this.#meter.add(MAIN_PART, text);
  }

  /** Adds a chunk; null when it is none. */
  addChunk(json: string): Added | null {
    const chunk = readChunk(json, this.#choicesMax);
    if (chunk === null) return null;
    for (const { index, reason } of chunk.finishes) this.#finishes.set(index, reason);
    const { choices, texts } = chunk;
    return { choices, hasText: texts.length > 0, full: this.#addAll(texts) };
  }

  /** Keeps what came before any text, for when the answer begins; false when there is too much of it. */
  hold(choices: readonly OutputChoice[]): boolean {
    this.#held.push(...choices);
    return this.#held.length <= HELD_CHOICES_MAX;
  }

  takeHeld(): readonly OutputChoice[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /** Whether every choice of a stream has said why it ended; `reason` is that of the first. */
  isFinished(reason: string | null): boolean {
    for (let index = 0; index < this.#choicesMax; index += 1) {
      if (!this.#finishes.has(index) && (index > 0 || reason === null)) return false;
    }
    return true;
  }

  /** Adds a part of a body. Says what is wrong, or null. */
  addBody(part: Buffer): string | null {
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > BODY_BYTES_MAX) return `the answer is over ${BODY_BYTES_MAX} bytes`;
    this.#body.push(part);
    return null;
  }

  /** The whole body, metered and cut to what was reserved; `reason` is why it ended where a choice says nothing. */
  answer(reason: string | null): WholeAnswer {
    const answer = readAnswer(Buffer.concat(this.#body).toString("utf8"), this.#choicesMax);
    if (answer === null) return { ok: false, problem: "malformed" };
    const choices = answer.choices.map((choice) => ({
      ...choice,
      finish_reason: choice.finish_reason ?? reason,
    }));
    if (choices.some((choice) => choice.finish_reason === null)) {
      return { ok: false, problem: "truncated" };
    }
    if (!this.#addAll(answer.texts)) return { ok: true, choices, isCut: false };
    return this.#cut(choices);
  }

  #cut(choices: readonly AnswerChoice[]): WholeAnswer {
    try {
      const cut = cutAnswer(choices, this.#limitTokens);
      if (cut.isCut) {
        // What the buyer gets is what is billed.
        this.#meter = createCompletionMeter(this.#limitTokens);
        this.#addAll(textsOf(cut.choices));
      }
      return { ok: true, ...cut };
    } catch {
      // Nested deeper than the stack.
      return { ok: false, problem: "malformed" };
    }
  }

  #addAll(texts: readonly MeteredText[]): boolean {
    for (const { part, text } of texts) if (this.#meter.add(part, text)) return true;
    return false;
  }
}
