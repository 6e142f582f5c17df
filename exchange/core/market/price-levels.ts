/**
 * The price levels of a book: per level its line of orders (first and last slot, how many, how much),
 * free levels on a list, and per side a ladder that has the levels in order of price.
 */
import { type Column, fillColumns, grown, listsOf } from "./columns.ts";
import { type BookSide, type BookSnapshot, BUY, NONE } from "./order-book-port.ts";
import { keyOf, PriceLadder, sideOf } from "./price-ladder.ts";

/** Prices that `at` finds without a search, as long as no two are a multiple of this apart. */
const PRICES_FOUND_AT_ONCE = 4096;

export class PriceLevels {
  /** See `keyOf`; 0 in a free level. */
  key: Int32Array;
  head: Int32Array;
  tail: Int32Array;
  count: Int32Array;
  quantity: Float64Array;
  #nextFree: Int32Array;
  #used = 1;
  #free = NONE;
  #bids: PriceLadder;
  #asks: PriceLadder;
  /** The level last used for a key with these low bits. Says nothing unless that level has the key still. */
  readonly #lastFound = new Int32Array(PRICES_FOUND_AT_ONCE);

  constructor(rows: number) {
    this.key = new Int32Array(rows);
    this.head = new Int32Array(rows);
    this.tail = new Int32Array(rows);
    this.count = new Int32Array(rows);
    this.quantity = new Float64Array(rows);
    this.#nextFree = new Int32Array(rows);
    this.#bids = new PriceLadder(rows);
    this.#asks = new PriceLadder(rows);
  }

  ladder(side: BookSide): PriceLadder {
    return side === BUY ? this.#bids : this.#asks;
  }

  /** The level of a price; a new one, with no orders yet, when it has none. */
  at(side: BookSide, priceTicks: number): number {
    const key = keyOf(side, priceTicks);
    const place = key & (PRICES_FOUND_AT_ONCE - 1);
    const found = this.#lastFound[place] as number;
    if (this.key[found] === key) return found;
    const ladder = this.ladder(side);
    const row = ladder.rowOf(key);
    let level = row < ladder.count ? ladder.levelAt(row) : NONE;
    if (this.key[level] !== key) {
      level = this.#take(key);
      ladder.insert(key, level);
    }
    this.#lastFound[place] = level;
    return level;
  }

  /** The level after this one on the same side, or NONE. */
  after(level: number): number {
    const key = this.key[level] as number;
    const ladder = this.ladder(sideOf(key));
    const row = ladder.rowOf(key);
    return row === 0 ? NONE : ladder.levelAt(row - 1);
  }

  /** Gives a level back that has no orders: nothing in line, count and quantity 0. */
  drop(level: number): void {
    const key = this.key[level] as number;
    this.ladder(sideOf(key)).remove(key);
    this.key[level] = 0;
    this.#nextFree[level] = this.#free;
    this.#free = level;
  }

  snapshot(): BookSnapshot {
    return {
      levelsUsed: this.#used,
      freeLevel: this.#free,
      ...listsOf(this.#columns(), this.#used),
    };
  }

  /** Takes over a snapshot's levels, at most `levelsMax`; this must have none yet. */
  load(snapshot: BookSnapshot, levelsMax: number): void {
    this.#used = snapshot.levelsUsed as number;
    if (!(this.#used <= levelsMax + 1)) {
      throw new RangeError(`book snapshot has ${this.#used} levels, at most ${levelsMax} can be`);
    }
    while (this.key.length < this.#used) this.#grow();
    this.#free = snapshot.freeLevel as number;
    fillColumns(this.#columns(), snapshot, this.#used);
    // Ascending, so that each goes in at the end.
    const levels = Array.from({ length: this.#used }, (_, level) => level);
    levels.sort((a, b) => (this.key[a] as number) - (this.key[b] as number));
    for (const level of levels) {
      const key = this.key[level] as number;
      if (key !== 0) this.ladder(sideOf(key)).insert(key, level);
    }
  }

  /** By their names in a snapshot. The ladders follow from the keys. */
  #columns(): Record<string, Column> {
    return {
      levelKey: this.key,
      levelHead: this.head,
      levelTail: this.tail,
      levelCount: this.count,
      levelQuantity: this.quantity,
      nextFreeLevel: this.#nextFree,
    };
  }

  #take(key: number): number {
    let level = this.#free;
    if (level !== NONE) this.#free = this.#nextFree[level] as number;
    else {
      level = this.#used;
      if (level === this.key.length) this.#grow();
      this.#used = level + 1;
    }
    this.key[level] = key;
    return level;
  }

  #grow(): void {
    const rows = this.key.length * 2;
    this.key = grown(this.key, new Int32Array(rows));
    this.head = grown(this.head, new Int32Array(rows));
    this.tail = grown(this.tail, new Int32Array(rows));
    this.count = grown(this.count, new Int32Array(rows));
    this.quantity = grown(this.quantity, new Float64Array(rows));
    this.#nextFree = grown(this.#nextFree, new Int32Array(rows));
  }
}
