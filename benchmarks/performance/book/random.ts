/**
 * A small seeded generator (sfc32), so that a workload is the same on every machine and in every
 * language that ports these few lines.
 */

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.#a = 0x9e3779b9 ^ seed;
    this.#b = 0x243f6a88;
    this.#c = (0xb7e15162 + seed) | 0;
    this.#d = 1;
    // The first outputs of neighbouring seeds are alike; these mix them apart.
    for (let round = 0; round < 20; round += 1) this.next();
  }

  /** The next 32 bits, 0 to 2^32 - 1. */
  next(): number {
    const result = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + result) | 0;
    return result >>> 0;
  }

  /** One bit of the next output. */
  bit(): 0 | 1 {
    return (this.next() & 1) === 0 ? 0 : 1;
  }

  /** A fraction from 0 up to but not including 1. */
  fraction(): number {
    return this.next() / 4_294_967_296;
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  /** A whole number with an exponential distribution of this mean. */
  exponential(mean: number): number {
    return Math.floor(-Math.log(1 - this.fraction()) * mean);
  }
}
