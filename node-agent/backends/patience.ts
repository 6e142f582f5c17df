/**
 * How long one request may keep its reader waiting: a signal that ends with the delivery, or when
 * what was expected did not come. Time that the reader takes for itself does not count.
 */
import { BackendError } from "./backend-error.ts";

export class Patience {
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#stop.abort(new BackendError("cancelled", "it was cancelled"));
  readonly #total: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #expected = "";
  #isWaiting = false;

  /** `totalMs` is for everything, the reader's own time included. */
  constructor(signal: AbortSignal, totalMs: number) {
    this.#signal = signal;
    this.#total = setTimeout(() => {
      const text = `the answer was not over within ${totalMs} ms`;
      this.#stop.abort(new BackendError("timeout", text));
    }, totalMs);
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Aborts with a `BackendError` that says why. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** From now on this is waited for, at most so long. The same thing always has the same time. */
  expect(what: string, timeoutMs: number): void {
    this.#isWaiting = true;
    // A chunk comes often, and a refresh costs less than another timer.
    if (what === this.#expected) {
      this.#timer?.refresh();
      return;
    }
    this.#expected = what;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#isWaiting) return;
      const text = `${what} did not come within ${timeoutMs} ms`;
      this.#stop.abort(new BackendError("timeout", text));
    }, timeoutMs);
  }

  /** Nothing is waited for until the next `expect`. */
  rest(): void {
    this.#isWaiting = false;
  }

  end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#total);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}
