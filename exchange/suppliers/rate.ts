/** Token buckets: how much of something may come per second, and at once after a pause. */
export interface RateOptions {
  perSecond: number;
  /** As much may come at once. */
  burst: number;
}

export class Rate {
  readonly #perMs: number;
  readonly #burst: number;
  #left: number;
  #atMs: number;

  constructor({ perSecond, burst }: RateOptions, nowMs: number) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#left = burst;
    this.#atMs = nowMs;
  }

  /** Takes `amount` if there is as much; false, and nothing taken, when it is too much. */
  take(amount: number, nowMs: number): boolean {
    this.#refill(nowMs);
    if (amount > this.#left) return false;
    this.#left -= amount;
    return true;
  }

  /** Milliseconds until `amount` can be taken; 0 when it can now. */
  waitMs(amount: number, nowMs: number): number {
    this.#refill(nowMs);
    return Math.max(0, (amount - this.#left) / this.#perMs);
  }

  #refill(nowMs: number): void {
    this.#left = Math.min(this.#burst, this.#left + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }
}
