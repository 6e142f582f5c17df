/** Output bytes that the exchange allows on one stream, and the wait for more of them. */

/** How long the exchange may leave a stream without credit; facts of the link: then it is given up. */
export const CREDIT_TIMEOUT_MS = 30_000;
/** The exchange grants what its client has taken, so more than this is nonsense. */
const CREDIT_BYTES_MAX = 0xffff_ffff;

/** No credit came in time. */
export class CreditTimeout extends Error {}

export class Credit {
  readonly #timeoutMs: number;
  #bytes: number;
  #waiter: { resolve: () => void; reject: (error: Error) => void } | null = null;
  #wantedBytes = 0;

  constructor(bytes: number, timeoutMs: number = CREDIT_TIMEOUT_MS) {
    this.#bytes = bytes;
    this.#timeoutMs = timeoutMs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  grant(bytes: number): void {
    this.#bytes = Math.min(CREDIT_BYTES_MAX, this.#bytes + bytes);
    if (this.#bytes >= this.#wantedBytes) this.#waiter?.resolve();
  }

  spend(bytes: number): void {
    if (bytes > this.#bytes) throw new RangeError(`${bytes} bytes, credit for ${this.#bytes}`);
    this.#bytes -= bytes;
  }

  /** Waits until `bytes` may be sent. Rejects with `CreditTimeout`, or with the signal's reason. One caller at a time. */
  async atLeast(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytes >= bytes) return;
    signal.throwIfAborted();
    this.#wantedBytes = bytes;
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => this.#waiter?.reject(signal.reason as Error);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiter = { resolve, reject };
        signal.addEventListener("abort", onAbort, { once: true });
        timer = setTimeout(() => {
          const text = `the exchange granted no credit for ${this.#timeoutMs} ms`;
          reject(new CreditTimeout(text));
        }, this.#timeoutMs);
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      this.#waiter = null;
      this.#wantedBytes = 0;
    }
  }
}
