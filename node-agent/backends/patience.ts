/**
 * How long one request may keep its reader waiting: it is over with the delivery, or when what was
 * expected did not come. Time that the reader takes for itself does not count.
 */
import { BackendError } from "./backend-error.ts";

export class Patience {
  readonly #signal: AbortSignal;
  readonly #onOver: (reason: BackendError) => void;
  readonly #onAbort = () => this.#onOver(new BackendError("cancelled", "it was cancelled"));
  readonly #total: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #expected = "";
  #isWaiting = false;

  /** `totalMs` is for everything, the reader's own time included; `onOver` is told why it is over. */
  constructor(signal: AbortSignal, totalMs: number, onOver: (reason: BackendError) => void) {
    this.#signal = signal;
    this.#onOver = onOver;
    this.#total = setTimeout(() => {
      onOver(new BackendError("timeout", `the answer was not over within ${totalMs} ms`));
    }, totalMs);
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
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
      this.#onOver(new BackendError("timeout", `${what} did not come within ${timeoutMs} ms`));
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
