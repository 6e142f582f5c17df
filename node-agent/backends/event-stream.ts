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
  | { type: "event"; json: string }
  | {
      type: "finish";
      finishReason: string | null;
      /** The backend's own counts, where it gave some. */
      promptTokens: number | null;
      completionTokens: number | null;
    };

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
  #isTooLong = false;
  #finishReason: string | null = null;
  #promptTokens: number | null = null;
  #completionTokens: number | null = null;
  #isDone = false;

  /** True behind `[DONE]`: nothing that follows counts. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Takes what came from the socket. Throws `BackendError`. */
  *push(bytes: Uint8Array): Generator<Piece> {
    this.#parser.feed(this.#decode(bytes));
    for (const data of this.#events.splice(0)) {
      if (this.#isDone) return;
      if (data === "[DONE]") this.#isDone = true;
      else yield* this.#read(data);
    }
    if (this.#isTooLong) {
      throw new BackendError(
        "backend-stream-broken",
        `an event of more than ${EVENT_CHARACTERS_MAX} characters`,
      );
    }
  }

  /** Holds back the beginning of a character; without bytes, at the end, there may be none. */
  #decode(bytes?: Uint8Array): string {
    try {
      return bytes === undefined ? this.#decoder.decode() : this.#decoder.decode(bytes, STREAM);
    } catch {
      throw new BackendError("backend-stream-broken", "the backend's stream is not UTF-8");
    }
  }

  *#read(data: string): Generator<Piece> {
    const chunk = parseCompletion(data);
    // Servers put the usage behind the last choice, into the same chunk, or into every chunk.
    this.#promptTokens = chunk.usage?.prompt_tokens ?? this.#promptTokens;
    this.#completionTokens = chunk.usage?.completion_tokens ?? this.#completionTokens;
    const choices = chunk.choices ?? [];
    if (choices.length === 0) return;
    const first = choices.find((choice) => (choice.index ?? 0) === 0);
    this.#finishReason ??= first?.finish_reason ?? null;
    const text = plainText(choices);
    if (text === null) yield { type: "event", json: data };
    else if (text !== "") yield { type: "text", text };
  }

  /** The end of the stream. Throws when it broke off: an answer that is complete has a finish reason. */
  finish(): Piece {
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
      type: "finish",
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
  for (const [key, value] of Object.entries(delta)) {
    const isEmpty = value === null || value === "" || (Array.isArray(value) && value.length === 0);
    if (key !== "content" && key !== "role" && !isEmpty) return null;
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
