/** What one attempt has produced so far: metered text, reasons to finish, or the body of an answer. */
import { type CompletionMeter, createCompletionMeter } from "./metering.ts";
import {
  MAIN_PART,
  type MeteredText,
  type OutputChoice,
  readAnswer,
  readChunk,
} from "./supplier-output.ts";

/** Largest answer that is not streamed. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

export interface AttemptOutputOptions {
  /** Tokens reserved for output, of all choices together. */
  limitTokens: number;
  choices: number;
}

export class AttemptOutput {
  readonly #meter: CompletionMeter;
  readonly #choicesMax: number;
  readonly #finishes = new Map<number, string>();
  #body: Buffer[] = [];
  #bodyBytes = 0;

  constructor({ limitTokens, choices }: AttemptOutputOptions) {
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

  /** Adds a chunk; null when it is none. `choices` is empty when there is nothing to forward. */
  addChunk(json: string): { choices: readonly OutputChoice[]; full: boolean } | null {
    const chunk = readChunk(json, this.#choicesMax);
    if (chunk === null) return null;
    for (const { index, reason } of chunk.finishes) this.#finishes.set(index, reason);
    return { choices: chunk.choices, full: this.#addAll(chunk.texts) };
  }

  /** Adds a part of a body. Says what is wrong, or null. */
  addBody(part: Buffer): string | null {
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > BODY_BYTES_MAX) return `the answer is over ${BODY_BYTES_MAX} bytes`;
    this.#body.push(part);
    return null;
  }

  /** The choices of the whole body, metered; null when it is no chat completion. */
  answer(): readonly object[] | null {
    const answer = readAnswer(Buffer.concat(this.#body).toString("utf8"), this.#choicesMax);
    if (answer === null) return null;
    this.#addAll(answer.texts);
    return answer.choices;
  }

  #addAll(texts: readonly MeteredText[]): boolean {
    for (const { part, text } of texts) if (this.#meter.add(part, text)) return true;
    return false;
  }
}
