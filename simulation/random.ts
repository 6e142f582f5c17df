/**
 * Seeded randomness (sfc32): the same numbers on every machine and version of Node. Each part of a
 * world takes a generator of its own by `fork`, so that one part's changes leave the others alone.
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

  /** An integer from 0 up to but not including `end`. */
  below(end: number): number {
    return this.next() % end;
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
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
