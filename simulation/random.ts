/**
 * Seeded randomness (sfc32): the same numbers on every machine, in every version of Node and in every
 * language that ports these few lines. Each part of a world takes a generator of its own by `fork`, so
 * that one part's changes leave the others alone.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  constructor(seed: number) {
    this.#a = 0x9e3779b9 ^ seed;
    this.#b = 0x243f6a88;
    this.#c = (0xb7e15162 + seed) | 0;
    // The first outputs of neighbouring seeds are alike; these mix them apart.
    for (let round = 0; round < 20; round += 1) this.next();
  }

  /** 32 bits, 0 to 2^32 - 1. */
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

  /** An integer from 0 up to but not including `end`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** A whole number with an exponential distribution of this mean. */
  exponential(mean: number): number {
    return Math.floor(-Math.log(1 - this.fraction()) * mean);
  }

  /** True once in `times` on average. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** A generator of its own, decided by this one. */
  fork(): Random {
    return new Random(this.next());
  }
}
