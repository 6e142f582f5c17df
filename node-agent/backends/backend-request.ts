/**
 * One request to the inference server. What the server sends is handed on in the turn in which it
 * arrives, without a promise in between; whoever takes it may hold the server back.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { BackendError } from "./backend-error.ts";
import { errorText } from "./event-stream.ts";

const REQUEST_ID_PREFIX = "gridspot-";
/** As much of an error's body is read. */
const ERROR_BYTES_MAX = 16 * 1024;
/** What may follow an answer's end before its connection is given up, and how long it may take. */
const REST_BYTES_MAX = 16 * 1024;
const REST_TIMEOUT_MS = 1_000;

/** Takes the body of a 200. What its methods throw fails the request and closes the connection. */
export interface AnswerBody<T> {
  take(bytes: Buffer): void;
  /** The body is over: what it came to. */
  end(): T;
  /** True while it has parts of an answer left to tell, in front of a connection's loss. */
  readonly isHeld?: boolean;
}

export interface BackendRequestOptions<T> {
  pool: Dispatcher;
  path: string;
  headers: Record<string, string>;
  body: string;
  /** Told of a 200's headers. */
  open(headers: IncomingHttpHeaders): AnswerBody<T>;
}

export class BackendRequest<T> implements Dispatcher.DispatchHandler {
  /** What the answer came to. Rejects with `BackendError`, or with what the taker of the body threw. */
  readonly result: Promise<T>;
  readonly #options: BackendRequestOptions<T>;
  readonly #requestId: string;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | null = null;
  #body: AnswerBody<T> | null = null;
  /** Why it is stopped, before there is a connection to tell. */
  #stopped: Error | null = null;
  /** The loss of the connection, while the body is held. */
  #lost: Error | null = null;
  #isSettled = false;
  #isRetried = false;
  #restBytes = 0;
  #restTimer: NodeJS.Timeout | undefined;

  /** `id` is unique; servers that echo it show whose answer it is. */
  constructor(id: string, options: BackendRequestOptions<T>) {
    this.#options = options;
    this.#requestId = `${REQUEST_ID_PREFIX}${id}`;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.result = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Asks; without effect when it failed before. */
  send(): void {
    if (this.#isSettled) return;
    const { pool, path, headers, body } = this.#options;
    const named = { ...headers, "x-request-id": this.#requestId };
    this.#guarded(() => pool.dispatch({ path, method: "POST", headers: named, body }, this));
  }

  /** Fails it and closes the connection, which stops the server; without effect behind the end. */
  fail(error: unknown): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#reject(error);
    this.#cut(error as Error);
  }

  /** The answer is complete, though its body may go on a little: the connection is given back then. */
  complete(value: T): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#resolve(value);
    if (this.#lost !== null) return;
    this.#controller?.resume();
    this.#restTimer = setTimeout(
      () => this.#cut(new Error("a body that goes on")),
      REST_TIMEOUT_MS,
    );
  }

  /** Nothing more is read until `release`. */
  hold(): void {
    this.#controller?.pause();
  }

  release(): void {
    if (this.#lost !== null) this.#fellOff(this.#lost);
    else this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#stopped !== null) controller.abort(this.#stopped);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    // An interim answer; the answer itself follows.
    if (statusCode < 200 || this.#isSettled) return;
    this.#guarded(() => {
      this.#refuseForeign(headers);
      this.#body = statusCode === 200 ? this.#options.open(headers) : new ErrorBody(statusCode);
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (!this.#isSettled) {
      this.#guarded(() => this.#body?.take(bytes));
      return;
    }
    this.#restBytes += bytes.length;
    if (this.#restBytes > REST_BYTES_MAX) this.#cut(new Error("a body that goes on"));
  }

  onResponseEnd(): void {
    this.#controller = null;
    clearTimeout(this.#restTimer);
    if (this.#isSettled) return;
    this.#guarded(() => {
      const value = (this.#body as AnswerBody<T>).end();
      this.#settle();
      this.#resolve(value);
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#controller = null;
    clearTimeout(this.#restTimer);
    if (this.#isSettled) return;
    if (this.#body === null && !this.#isRetried && isStaleConnection(error)) {
      this.#isRetried = true;
      // The pool is in the midst of giving the connection up.
      queueMicrotask(() => this.send());
    } else if (this.#body?.isHeld) this.#lost = error;
    else this.#fellOff(error);
  }

  /** The connection broke, or there never was one. */
  #fellOff(error: Error): void {
    const { message, code } = error as Error & { code?: string };
    const text = message || (code ?? "no reason");
    if (this.#body instanceof ErrorBody) this.fail(this.#body.error());
    else if (this.#body === null) this.fail(new BackendError("backend-unreachable", text));
    else this.fail(new BackendError("backend-stream-broken", text));
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Throws when an answer says by its request id that it belongs to another request. */
  #refuseForeign(headers: IncomingHttpHeaders): void {
    const echoed = headers["x-request-id"];
    if (typeof echoed !== "string" || !echoed.startsWith(REQUEST_ID_PREFIX)) return;
    if (echoed === this.#requestId) return;
    throw new BackendError("backend-stream-broken", "the backend answered another request");
  }

  #settle(): void {
    this.#isSettled = true;
    this.#body = null;
  }

  #cut(error: Error): void {
    this.#stopped = error;
    const controller = this.#controller;
    this.#controller = null;
    controller?.abort(error);
  }
}

/** The body of an answer that is no 200, which says why. */
class ErrorBody implements AnswerBody<never> {
  readonly #statusCode: number;
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(statusCode: number) {
    this.#statusCode = statusCode;
  }

  take(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#bytes > ERROR_BYTES_MAX) throw this.error();
    this.#parts.push(bytes);
  }

  end(): never {
    throw this.error();
  }

  error(): BackendError {
    const status = this.#statusCode;
    const text = errorText(Buffer.concat(this.#parts).toString("utf8"));
    return new BackendError(
      status >= 400 && status < 500 ? "backend-refused" : "backend-failed",
      text || `the backend answered ${status}`,
      status,
    );
  }
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
