/** How busy a link is with deltas: on a busy one they may wait a little for others to leave with them. */

/** Deltas a second above which a link is busy; below, a delay would be felt and saves little. */
export const BUSY_DELTAS_PER_SECOND = 5_000;
/** How long a delta waits on a busy link, at most. */
export const BUSY_DELAY_MS = 5;
/** The rate is that of so long a time, at least. */
const WINDOW_MS_MIN = 20;
/** The clock is read once for so many deltas. */
const DELTAS_PER_LOOK = 32;

export class DeltaPace {
  readonly #monotonicMs: () => number;
  #sinceMs: number;
  #deltas = 0;
  #nextLook = DELTAS_PER_LOOK;
  #isBusy = false;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#sinceMs = monotonicMs();
  }

  /** Counts a delta; true when it may wait. */
  count(): boolean {
    this.#deltas += 1;
    // While deltas wait each is looked at: a link that falls silent has no others to wait for.
    if (this.#isBusy || this.#deltas >= this.#nextLook) this.#look();
    return this.#isBusy;
  }

  #look(): void {
    this.#nextLook = this.#deltas + DELTAS_PER_LOOK;
    const nowMs = this.#monotonicMs();
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < WINDOW_MS_MIN) return;
    this.#isBusy = this.#deltas * 1_000 > BUSY_DELTAS_PER_SECOND * elapsedMs;
    this.#sinceMs = nowMs;
    this.#deltas = 0;
    this.#nextLook = DELTAS_PER_LOOK;
  }
}
