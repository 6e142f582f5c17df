/**
 * A client of the inference server beside the agent, over its OpenAI-compatible API. Reads the event
 * stream chunk by chunk, notices streams that break off, and stops the server when told to.
 */
import { createParser } from "eventsource-parser";
import { type Dispatcher, Pool } from "undici";
import { BackendError } from "./backend-error.ts";

/** A pause between two chunks after which a stream counts as broken. */
const CHUNK_TIMEOUT_MS = 30_000;
const ERROR_BODY_CHARACTERS_MAX = 500;
/** Largest answer that is not streamed. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** Pieces of a streamed answer. */
export type Piece =
  | { type: "text"; text: string }
  /** A chunk with more than text of choice 0, as the server sent it. */
  | { type: "event"; json: string }
  | {
      type: "finish";
      finishReason: string | null;
      promptTokens: number | null;
      completionTokens: number | null;
    };

export interface Answer {
  body: Buffer;
  finishReason: string | null;
  promptTokens: number | null;
  completionTokens: number | null;
}

export interface BackendClient {
  readonly model: string;
  /** Streams `body` (a complete request for this backend). Throws `BackendError`. */
  stream(body: object, signal: AbortSignal, timeoutMs: number): AsyncGenerator<Piece>;
  /** The same without streaming. */
  complete(body: object, signal: AbortSignal, timeoutMs: number): Promise<Answer>;
  close(): Promise<void>;
}

export interface BackendClientOptions {
  /** Up to and without `/v1`. */
  url: string;
  model: string;
  apiKey?: string | undefined;
  connections: number;
}

interface Chunk {
  error?: unknown;
  choices?: {
    index?: number;
    delta?: Record<string, unknown>;
    message?: unknown;
    finish_reason?: string | null;
    logprobs?: unknown;
  }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
}

export function createBackendClient(options: BackendClientOptions): BackendClient {
  const base = new URL(options.url);
  const pool = new Pool(base.origin, { connections: options.connections });
  const path = `${base.pathname.replace(/\/$/, "")}/v1/chat/completions`;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (options.apiKey) headers.authorization = `Bearer ${options.apiKey}`;

  async function post(
    body: object,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<Dispatcher.ResponseData> {
    let response: Dispatcher.ResponseData;
    try {
      response = await pool.request({
        path,
        method: "POST",
        headers,
        body: JSON.stringify(body),
        signal,
        headersTimeout: timeoutMs,
        bodyTimeout: CHUNK_TIMEOUT_MS,
      });
    } catch (error) {
      throw asBackendError(error, signal, "backend-unreachable");
    }
    const { statusCode } = response;
    if (statusCode === 200) return response;
    const text = (await response.body.text()).slice(0, ERROR_BODY_CHARACTERS_MAX);
    const refused = statusCode >= 400 && statusCode < 500;
    throw new BackendError(
      refused ? "backend-refused" : "backend-failed",
      errorText(text),
      statusCode,
    );
  }

  async function* stream(body: object, signal: AbortSignal, timeoutMs: number) {
    const response = await post(body, signal, timeoutMs);
    const reader = new StreamReader();
    try {
      for await (const bytes of response.body) yield* reader.push(bytes as Buffer);
    } catch (error) {
      throw asBackendError(error, signal, "backend-stream-broken");
    }
    yield reader.finish();
  }

  async function complete(body: object, signal: AbortSignal, timeoutMs: number): Promise<Answer> {
    const response = await post(body, signal, timeoutMs);
    const parts: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const part of response.body) {
        bytes += (part as Buffer).length;
        if (bytes > ANSWER_BYTES_MAX) throw new Error(`answer over ${ANSWER_BYTES_MAX} bytes`);
        parts.push(part as Buffer);
      }
    } catch (error) {
      throw asBackendError(error, signal, "backend-stream-broken");
    }
    const answer = Buffer.concat(parts);
    const parsed = parseChunk(answer.toString("utf8"));
    if (parsed.choices?.[0]?.message === undefined) {
      throw new BackendError("backend-failed", "the backend's answer has no choices");
    }
    return {
      body: answer,
      finishReason: parsed.choices[0].finish_reason ?? null,
      promptTokens: parsed.usage?.prompt_tokens ?? null,
      completionTokens: parsed.usage?.completion_tokens ?? null,
    };
  }

  return { model: options.model, stream, complete, close: () => pool.destroy() };
}

/** Reads one event stream: which pieces it holds, and whether it came to its proper end. */
class StreamReader {
  #events: string[] = [];
  #parser = createParser({ onEvent: (event) => this.#events.push(event.data) });
  #decoder = new TextDecoder();
  #finishReason: string | null = null;
  #promptTokens: number | null = null;
  #completionTokens: number | null = null;
  #done = false;

  *push(bytes: Buffer): Generator<Piece> {
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    for (const data of this.#events.splice(0)) {
      if (data === "[DONE]") this.#done = true;
      else yield* this.#read(data);
    }
  }

  *#read(data: string): Generator<Piece> {
    const chunk = parseChunk(data);
    if (chunk.usage) {
      this.#promptTokens = chunk.usage.prompt_tokens ?? null;
      this.#completionTokens = chunk.usage.completion_tokens ?? null;
    }
    const choice = chunk.choices?.[0];
    if (choice === undefined) return;
    this.#finishReason ??= choice.finish_reason ?? null;
    const text = plainText(chunk);
    if (text === null) yield { type: "event", json: data };
    else if (text !== "") yield { type: "text", text };
  }

  finish(): Piece {
    if (!this.#done && this.#finishReason === null) {
      throw new BackendError(
        "backend-stream-broken",
        "the stream ended without a finish reason and without [DONE]",
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
function plainText(chunk: Chunk): string | null {
  const choices = chunk.choices ?? [];
  const [choice] = choices;
  if (choices.length !== 1 || choice === undefined || (choice.index ?? 0) !== 0) return null;
  if (choice.logprobs) return null;
  const delta = choice.delta ?? {};
  for (const [key, value] of Object.entries(delta)) {
    const empty = value === null || value === "" || (Array.isArray(value) && value.length === 0);
    if (key !== "content" && key !== "role" && !empty) return null;
  }
  return typeof delta.content === "string" ? delta.content : "";
}

function parseChunk(text: string): Chunk {
  let chunk: Chunk;
  try {
    chunk = JSON.parse(text) as Chunk;
  } catch {
    throw new BackendError("backend-stream-broken", "the backend sent something that is not JSON");
  }
  // Some servers report a failure inside a 200.
  if (chunk.error) throw new BackendError("backend-failed", errorText(text));
  return chunk;
}

function errorText(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string } | string };
    if (typeof error === "string") return error.slice(0, ERROR_BODY_CHARACTERS_MAX);
    if (typeof error?.message === "string")
      return error.message.slice(0, ERROR_BODY_CHARACTERS_MAX);
  } catch {
    // Not JSON: shown as it came.
  }
  return text.slice(0, ERROR_BODY_CHARACTERS_MAX);
}

function asBackendError(
  error: unknown,
  signal: AbortSignal,
  fallback: "backend-unreachable" | "backend-stream-broken",
): BackendError {
  if (error instanceof BackendError) return error;
  if (signal.aborted) return new BackendError("cancelled", "the delivery was cancelled");
  const { message, code } = error as Error & { code?: string };
  if (code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT") {
    return new BackendError("timeout", `the backend gave no answer in time (${message})`);
  }
  return new BackendError(fallback, message);
}
