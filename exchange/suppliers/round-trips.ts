/** The network's share of an attempt's time: the median of a link's last pings. */
const SAMPLES_MAX = 20;

export class RoundTrips {
  #samplesMs: number[] = [];
  #medianMs: number | null = null;

  add(ms: number): void {
    this.#samplesMs.push(ms);
    if (this.#samplesMs.length > SAMPLES_MAX) this.#samplesMs.shift();
    const sorted = [...this.#samplesMs].sort((a, b) => a - b);
    this.#medianMs = sorted[sorted.length >> 1] ?? null;
  }

  /** Null before the first answer. */
  get medianMs(): number | null {
    return this.#medianMs;
  }
}
