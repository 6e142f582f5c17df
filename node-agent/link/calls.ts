/** Calls to the exchange that wait for their replies: bounded in number, each with a deadline. */
import type { Call, Reply } from "#protocol/link-messages.ts";

const CALL_TIMEOUT_MS = 10_000;
/** Half of what the exchange takes before it closes the link. */
export const CALLS_OUTSTANDING_MAX = 32;

export type CallMethod = Call["method"];
export type CallParams<M extends CallMethod> = Extract<Call, { method: M }>["params"];

/** A call that was refused, in the exchange's words, or that could not be asked. */
export class CallRefused extends Error {
  readonly code: string;
  /** Figures of the refusal, where the exchange gave some. */
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: string, message: string, details: Record<string, string | number> = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

export class OutstandingCalls {
  readonly #send: (call: Call) => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #ended: CallRefused | null = null;

  constructor(send: (call: Call) => void) {
    this.#send = send;
  }

  /** Asks, and resolves with the reply's result. Rejects with `CallRefused`. */
  call<M extends CallMethod>(
    method: M,
    params: CallParams<M>,
    timeoutMs: number = CALL_TIMEOUT_MS,
  ): Promise<unknown> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    if (this.#waiting.size >= CALLS_OUTSTANDING_MAX) {
      const text = `${CALLS_OUTSTANDING_MAX} calls wait for their answers`;
      return Promise.reject(new CallRefused("too-many-calls", text));
    }
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new CallRefused("timeout", `${method} was not answered in ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#send({ type: "call", id, method, params } as Call);
    });
  }

  /** Takes a reply; one that nobody waits for any more counts for nothing. */
  reply({ id, ok, result, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (ok) {
      waiting.resolve(result);
      return;
    }
    const { code = "unknown", message = "no reason", details } = error ?? {};
    waiting.reject(new CallRefused(code, message, details));
  }

  /** The link is gone: nothing will be answered, now or later. */
  end(): void {
    this.#ended = new CallRefused("link-lost", "the link was lost before the answer");
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(this.#ended);
    }
    this.#waiting.clear();
  }
}
