/**
 * Reads a backend's event stream: what is plain text, what must go on as it came, and whether the
 * stream came to its proper end.
 */
import { createParser, type ParseError } from "eventsource-parser";
import { BackendError } from "./backend-error.ts";

/** Largest event, in characters; one with logprobs has some ten thousand. */
const EVENT_CHARACTERS_MAX = 1024 * 1024;
const ERROR_CHARACTERS_MAX = 500;
const STREAM = { stream: true } as const;

/** Pieces of a streamed answer. */
export type Piece =
  | { type: "text"; text: string }
  /** A chunk with more than text of choice 0, as the server sent it. */
  | { type: "event"; json: string };

/** How an answer ended. */
export interface Finish {
  finishReason: string | null;
  /** The backend's own counts, where it gave some. */
  promptTokens: number | null;
  completionTokens: number | null;
}

/** A chat completion or a chunk of one, as far as it is looked at. */
export interface Completion {
  error?: unknown;
  choices?: {
    index?: number;
    delta?: Record<string, unknown> | null;
    message?: unknown;
    finish_reason?: string | null;
    logprobs?: unknown;
  }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
}

export class EventStreamReader {
  readonly #parser = createParser({
    onEvent: (event) => this.#events.push(event.data),
    onError: (error: ParseError) => {
      // Lines that are no field are ignored, as the standard has it.
      if (error.type === "max-buffer-size-exceeded") this.#isTooLong = true;
    },
    maxBufferSize: EVENT_CHARACTERS_MAX,
  });
  /** Fatal: what is not UTF-8 would be sold as something else than the server said. */
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #events: string[] = [];
  /** Events that were read. */
  #read = 0;
  #isTooLong = false;
  #finishReason: string | null = null;
  #promptTokens: number | null = null;
  #completionTokens: number | null = null;
  #isDone = false;

  /** True behind `[DONE]`: nothing that follows counts. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Takes what came from the socket, once `next` has given all that came before. Throws `BackendError`. */
  push(bytes: Uint8Array): void {
    this.#parser.feed(this.#decode(bytes));
  }

  /** The next piece that is here as a whole; null when more must come. Throws `BackendError`. */
  next(): Piece | null {
    while (this.#read < this.#events.length) {
      const data = this.#events[this.#read] as string;
      this.#read += 1;
      if (data === "[DONE]") this.#isDone = true;
      if (this.#isDone) break;
      const piece = this.#pieceOf(data);
      if (piece !== null) return piece;
    }
    this.#events = [];
    this.#read = 0;
    if (!this.#isTooLong || this.#isDone) return null;
    throw new BackendError(
      "backend-stream-broken",
      `an event of more than ${EVENT_CHARACTERS_MAX} characters`,
    );
  }

  /** Holds back the beginning of a character; without bytes, at the end, there may be none. */
  #decode(bytes?: Uint8Array): string {
    try {
      return bytes === undefined ? this.#decoder.decode() : this.#decoder.decode(bytes, STREAM);
    } catch {
      throw new BackendError("backend-stream-broken", "the backend's stream is not UTF-8");
    }
  }

  #pieceOf(data: string): Piece | null {
    const chunk = parseCompletion(data);
    // Servers put the usage behind the last choice, into the same chunk, or into every chunk.
    this.#promptTokens = chunk.usage?.prompt_tokens ?? this.#promptTokens;
    this.#completionTokens = chunk.usage?.completion_tokens ?? this.#completionTokens;
    const choices = chunk.choices ?? [];
    if (choices.length === 0) return null;
    const first = choices.find((choice) => (choice.index ?? 0) === 0);
    this.#finishReason ??= first?.finish_reason ?? null;
    const text = plainText(choices);
    if (text === null) return { type: "event", json: data };
    return text === "" ? null : { type: "text", text };
  }

  /** The end of the stream. Throws when it broke off: an answer that is complete has a finish reason. */
  finish(): Finish {
    if (!this.#isDone) this.#decode();
    const missing = [
      ...(this.#finishReason === null ? ["a finish reason"] : []),
      ...(this.#isDone ? [] : ["[DONE]"]),
    ];
    if (missing.length > 0) {
      throw new BackendError(
        "backend-stream-broken",
        `the backend's stream ended without ${missing.join(" and without ")}`,
      );
    }
    return {
      finishReason: this.#finishReason,
      promptTokens: this.#promptTokens,
      completionTokens: this.#completionTokens,
    };
  }
}

/** The text of a chunk that is nothing but text of choice 0 ("" for a bare role or finish), else null. */
function plainText(choices: NonNullable<Completion["choices"]>): string | null {
  const [choice] = choices;
  if (choices.length !== 1 || choice === undefined || (choice.index ?? 0) !== 0) return null;
  if (choice.logprobs) return null;
  const delta = choice.delta ?? {};
  for (const key in delta) {
    if (key === "content" || key === "role") continue;
    const value = delta[key];
    const isEmpty = value === null || value === "" || (Array.isArray(value) && value.length === 0);
    if (!isEmpty) return null;
  }
  return typeof delta.content === "string" ? delta.content : "";
}

/** Parses a completion or a chunk. Throws when it is none, or a failure reported inside a 200. */
export function parseCompletion(text: string): Completion {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new BackendError(
      "backend-stream-broken",
      `the backend sent something that is not JSON: ${text.slice(0, 80)}`,
    );
  }
  if (typeof parsed !== "object" || parsed === null) {
    throw new BackendError("backend-stream-broken", "the backend sent JSON that is no object");
  }
  const completion = parsed as Completion;
  if (completion.error) throw new BackendError("backend-failed", errorText(text));
  if (completion.choices !== undefined && !Array.isArray(completion.choices)) {
    throw new BackendError("backend-stream-broken", "the backend sent choices that are no list");
  }
  return completion;
}

/** What an error body says, shortened; the body itself where it has no message. */
export function errorText(body: string): string {
  let message = body;
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } | string };
    if (typeof error === "string") message = error;
    else if (typeof error?.message === "string") message = error.message;
  } catch {
    // Not JSON: shown as it came.
  }
  return message.slice(0, ERROR_CHARACTERS_MAX);
}
