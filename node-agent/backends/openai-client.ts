/**
 * A client of the inference server beside the agent, over its OpenAI-compatible API: asks, reads the
 * answer as it comes, and stops the server when told to.
 */
import { randomUUID } from "node:crypto";
import { type Dispatcher, Pool } from "undici";
import { BackendError } from "./backend-error.ts";
import { EventStreamReader, errorText, type Piece, parseCompletion } from "./event-stream.ts";
import { Patience } from "./patience.ts";

export type { Piece } from "./event-stream.ts";

/** A pause between two parts of an answer after which it counts as broken; the exchange waits longer. */
const IDLE_TIMEOUT_MS = 20_000;
/** A whole answer, whoever keeps whom waiting: no delivery lasts longer. */
const ANSWER_TIMEOUT_MS = 600_000;
const REQUEST_ID_PREFIX = "gridspot-";
/** Largest answer that is not streamed. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** As much of an error's body is read. */
const ERROR_BYTES_MAX = 16 * 1024;
/** What may follow the end of a stream before its connection is given up, and how long it may take. */
const REST_BYTES_MAX = 16 * 1024;
const REST_TIMEOUT_MS = 1_000;

export interface Answer {
  /** As the server sent it. */
  body: Buffer;
  finishReason: string | null;
  promptTokens: number | null;
  completionTokens: number | null;
}

export interface BackendClient {
  readonly model: string;
  /** Requests that may run at the same time; further ones wait here, so slots are at most as many. */
  readonly connections: number;
  /** Streams `body` (a complete request for this backend); `timeoutMs` to the first token. Throws `BackendError`. */
  stream(body: object, signal: AbortSignal, timeoutMs: number): AsyncGenerator<Piece>;
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

export function createBackendClient(options: BackendClientOptions): BackendClient {
  const { model, connections, idleTimeoutMs = IDLE_TIMEOUT_MS } = options;
  const { answerTimeoutMs = ANSWER_TIMEOUT_MS } = options;
  const base = new URL(options.url);
  // Patience keeps the time: undici's own timers count what the reader takes, too.
  const pool = new Pool(base.origin, { connections, headersTimeout: 0, bodyTimeout: 0 });
  const path = `${base.pathname.replace(/\/$/, "")}/v1/chat/completions`;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (options.apiKey) headers.authorization = `Bearer ${options.apiKey}`;

  async function request(
    body: string,
    signal: AbortSignal,
    requestId: string,
  ): Promise<Dispatcher.ResponseData> {
    const named = { ...headers, "x-request-id": requestId };
    const send = () => pool.request({ path, method: "POST", headers: named, body, signal });
    try {
      return await send();
    } catch (error) {
      if (signal.aborted || !isStaleConnection(error)) throw error;
      return await send();
    }
  }

  /** Asks; resolves with the answer's beginning once it is a 200. */
  async function post(body: object, patience: Patience): Promise<Dispatcher.ResponseData> {
    // Servers that echo it show whose answer it is.
    const requestId = `${REQUEST_ID_PREFIX}${randomUUID()}`;
    let response: Dispatcher.ResponseData;
    try {
      response = await request(JSON.stringify(body), patience.signal, requestId);
    } catch (error) {
      throw asBackendError(error, patience.signal, "backend-unreachable");
    }
    // A body that is given up emits an error, and its reader may be gone by then.
    response.body.on("error", () => {});
    try {
      refuseForeign(response, requestId);
    } catch (error) {
      response.body.destroy();
      throw error;
    }
    const { statusCode } = response;
    if (statusCode === 200) return response;
    const text = await readText(response, ERROR_BYTES_MAX).catch(() => "");
    const isRefusal = statusCode >= 400 && statusCode < 500;
    throw new BackendError(
      isRefusal ? "backend-refused" : "backend-failed",
      errorText(text) || `the backend answered ${statusCode}`,
      statusCode,
    );
  }

  async function* stream(body: object, signal: AbortSignal, timeoutMs: number) {
    const patience = new Patience(signal, answerTimeoutMs);
    const reader = new EventStreamReader();
    let response: Dispatcher.ResponseData | undefined;
    let bytesRead = 0;
    try {
      patience.expect("the first token", timeoutMs);
      response = await post(body, patience);
      await refuseOther(response);
      let isStarted = false;
      for await (const bytes of response.body.iterator({ destroyOnReturn: false })) {
        bytesRead += (bytes as Buffer).length;
        for (const piece of reader.push(bytes as Buffer)) {
          isStarted = true;
          patience.rest();
          yield piece;
        }
        if (reader.isDone) break;
        if (isStarted) patience.expect("the next token", idleTimeoutMs);
      }
      patience.rest();
      yield reader.finish();
    } catch (error) {
      throw asBackendError(error, patience.signal, "backend-stream-broken");
    } finally {
      patience.end();
      if (reader.isDone && response !== undefined) giveBack(response, bytesRead);
      // Closes the connection, which stops the server.
      else response?.body.destroy();
    }
  }

  async function complete(body: object, signal: AbortSignal, timeoutMs: number): Promise<Answer> {
    const patience = new Patience(signal, answerTimeoutMs);
    try {
      patience.expect("the answer", timeoutMs);
      const response = await post(body, patience);
      const answer = await readBody(response, ANSWER_BYTES_MAX, () =>
        patience.expect("the rest of the answer", idleTimeoutMs),
      );
      const { choices, usage } = parseCompletion(answer.toString("utf8"));
      const [choice] = choices ?? [];
      if (choice?.message === undefined) {
        throw new BackendError("backend-failed", "the backend's answer has no choices");
      }
      return {
        body: answer,
        finishReason: choice.finish_reason ?? null,
        promptTokens: usage?.prompt_tokens ?? null,
        completionTokens: usage?.completion_tokens ?? null,
      };
    } catch (error) {
      throw asBackendError(error, patience.signal, "backend-stream-broken");
    } finally {
      patience.end();
    }
  }

  return { model, connections, stream, complete, close: () => pool.destroy() };
}

/** Throws when something else comes where a stream was asked for: mostly it reports a failure. */
async function refuseOther(response: Dispatcher.ResponseData): Promise<void> {
  const type = String(response.headers["content-type"] ?? "text/event-stream");
  if (type.startsWith("text/event-stream")) return;
  if (type.startsWith("application/json")) {
    parseCompletion(await readText(response, ANSWER_BYTES_MAX));
    throw new BackendError("backend-failed", "the backend answered JSON in place of a stream");
  }
  throw new BackendError("backend-failed", `the backend answered ${type} in place of a stream`);
}

/** Throws when an answer says by its request id that it belongs to another request. */
function refuseForeign({ headers }: Dispatcher.ResponseData, requestId: string): void {
  const echoed = headers["x-request-id"];
  if (typeof echoed !== "string" || !echoed.startsWith(REQUEST_ID_PREFIX)) return;
  if (echoed === requestId) return;
  throw new BackendError("backend-stream-broken", "the backend answered another request");
}

/** Gives a connection back behind a stream's end: what still comes is little, and nobody waits for it. */
function giveBack({ body }: Dispatcher.ResponseData, bytesRead: number): void {
  const signal = AbortSignal.timeout(REST_TIMEOUT_MS);
  body.dump({ limit: bytesRead + REST_BYTES_MAX, signal }).catch(() => {});
}

async function readText(response: Dispatcher.ResponseData, bytesMax: number): Promise<string> {
  return (await readBody(response, bytesMax)).toString("utf8");
}

async function readBody(
  { body }: Dispatcher.ResponseData,
  bytesMax: number,
  onPart: () => void = () => {},
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body) {
    onPart();
    bytes += (part as Buffer).length;
    if (bytes > bytesMax) throw new Error(`an answer of more than ${bytesMax} bytes`);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

/**
 * Whether a kept connection turned out to be closed by the server, which says nothing of the request:
 * it had carried an answer before, or the system refused to write to it.
 */
function isStaleConnection(error: unknown): boolean {
  const { code, socket } = error as { code?: string; socket?: { bytesRead?: number } };
  if (code === "UND_ERR_SOCKET") return (socket?.bytesRead ?? 0) > 0;
  return code === "ECONNRESET" || code === "EPIPE";
}

function asBackendError(
  error: unknown,
  signal: AbortSignal,
  fallback: "backend-unreachable" | "backend-stream-broken",
): BackendError {
  if (signal.aborted && signal.reason instanceof BackendError) return signal.reason;
  if (error instanceof BackendError) return error;
  const { message, code } = error as Error & { code?: string };
  return new BackendError(fallback, message || (code ?? "no reason"));
}
