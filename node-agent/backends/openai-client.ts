/**
 * A client of the inference server beside the agent, over its OpenAI-compatible API: asks, hands the
 * answer on as it comes, and stops the server when told to.
 */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Pool } from "undici";
import { BackendError } from "./backend-error.ts";
import { type AnswerBody, BackendRequest } from "./backend-request.ts";
import { type Finish, parseCompletion } from "./event-stream.ts";
import { Patience } from "./patience.ts";
import { StreamedAnswer, type TakePiece } from "./streamed-answer.ts";

export type { Finish, Piece } from "./event-stream.ts";
export type { TakePiece } from "./streamed-answer.ts";

/** A pause between two parts of an answer after which it counts as broken; the exchange waits longer. */
const IDLE_TIMEOUT_MS = 20_000;
/** A whole answer, whoever keeps whom waiting: no delivery lasts longer. */
const ANSWER_TIMEOUT_MS = 600_000;
/** Largest answer that is not streamed. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

export interface Answer extends Finish {
  /** As the server sent it. */
  body: Buffer;
}

export interface BackendClient {
  readonly model: string;
  /** Requests that may run at the same time; further ones wait here, so slots are at most as many. */
  readonly connections: number;
  /**
   * Streams `body` (a complete request for this backend); `timeoutMs` to the first token. Pieces come
   * until it settles. Rejects with `BackendError`, or with what `take` threw or rejected with.
   */
  stream(body: object, signal: AbortSignal, timeoutMs: number, take: TakePiece): Promise<Finish>;
  /** The same without streaming; `timeoutMs` to the beginning of the answer. */
  complete(body: object, signal: AbortSignal, timeoutMs: number): Promise<Answer>;
  close(): Promise<void>;
}

export interface BackendClientOptions {
  /** Up to and without `/v1`. */
  url: string;
  model: string;
  apiKey?: string | undefined;
  connections: number;
  idleTimeoutMs?: number;
  answerTimeoutMs?: number;
}

type Open<T> = (
  headers: IncomingHttpHeaders,
  request: BackendRequest<T>,
  patience: Patience,
) => AnswerBody<T>;

export function createBackendClient(options: BackendClientOptions): BackendClient {
  const { model, connections, idleTimeoutMs = IDLE_TIMEOUT_MS } = options;
  const { answerTimeoutMs = ANSWER_TIMEOUT_MS } = options;
  const base = new URL(options.url);
  // Patience keeps the time: undici's own timers count what the reader takes, too.
  const pool = new Pool(base.origin, { connections, headersTimeout: 0, bodyTimeout: 0 });
  const path = `${base.pathname.replace(/\/$/, "")}/v1/chat/completions`;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (options.apiKey) headers.authorization = `Bearer ${options.apiKey}`;

  /** Asks, and keeps the time from now on: `timeoutMs` for what is expected first. */
  async function ask<T>(
    body: object,
    signal: AbortSignal,
    expected: { what: string; timeoutMs: number },
    open: Open<T>,
  ): Promise<T> {
    const request: BackendRequest<T> = new BackendRequest(randomUUID(), {
      pool,
      path,
      headers,
      body: JSON.stringify(body),
      open: (received) => open(received, request, patience),
    });
    const patience = new Patience(signal, answerTimeoutMs, (reason) => request.fail(reason));
    patience.expect(expected.what, expected.timeoutMs);
    try {
      request.send();
      return await request.result;
    } finally {
      patience.end();
    }
  }

  return {
    model,
    connections,
    stream: (body, signal, timeoutMs, take) =>
      ask(
        body,
        signal,
        { what: "the first token", timeoutMs },
        (received, request, patience): AnswerBody<Finish> => {
          const type = received["content-type"] ?? "text/event-stream";
          if (!type.startsWith("text/event-stream")) return new OtherAnswer(type);
          return new StreamedAnswer(idleTimeoutMs, { request, patience, take });
        },
      ),
    complete: (body, signal, timeoutMs) =>
      ask(body, signal, { what: "the answer", timeoutMs }, (_received, _request, patience) => {
        return new WholeAnswer(() => patience.expect("the rest of the answer", idleTimeoutMs));
      }),
    close: () => pool.destroy(),
  };
}

/** An answer that is not streamed. */
class WholeAnswer implements AnswerBody<Answer> {
  readonly #onPart: () => void;
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(onPart: () => void = () => {}) {
    this.#onPart = onPart;
  }

  take(bytes: Buffer): void {
    this.#onPart();
    this.#bytes += bytes.length;
    if (this.#bytes > ANSWER_BYTES_MAX) {
      const text = `an answer of more than ${ANSWER_BYTES_MAX} bytes`;
      throw new BackendError("backend-stream-broken", text);
    }
    this.#parts.push(bytes);
  }

  bytes(): Buffer {
    return this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
  }

  end(): Answer {
    const body = this.bytes();
    const { choices, usage } = parseCompletion(body.toString("utf8"));
    const [choice] = choices ?? [];
    if (choice?.message === undefined) {
      throw new BackendError("backend-failed", "the backend's answer has no choices");
    }
    return {
      body,
      finishReason: choice.finish_reason ?? null,
      promptTokens: usage?.prompt_tokens ?? null,
      completionTokens: usage?.completion_tokens ?? null,
    };
  }
}

/** What came where a stream was asked for: mostly it reports a failure. */
class OtherAnswer implements AnswerBody<never> {
  readonly #whole = new WholeAnswer();

  constructor(type: string) {
    if (!type.startsWith("application/json")) throw this.#problem(type);
  }

  take(bytes: Buffer): void {
    this.#whole.take(bytes);
  }

  end(): never {
    parseCompletion(this.#whole.bytes().toString("utf8"));
    throw this.#problem("JSON");
  }

  #problem(what: string): BackendError {
    return new BackendError("backend-failed", `the backend answered ${what} in place of a stream`);
  }
}
