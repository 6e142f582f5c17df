/**
 * The prices of one side that have orders, as ascending keys, and the level of each. The best price
 * is in the last row, where nearly all work happens and nothing has to move.
 */
import { closeRow, grown, openRow } from "./columns.ts";
import { firstNotBelow } from "./gallop-search.ts";
import { type BookSide, BUY, SELL } from "./order-book-port.ts";

/** A number that ascends towards the best price of a side: of a bid its price, of an ask the negated one. */
export function keyOf(side: BookSide, priceTicks: number): number {
  return side === BUY ? priceTicks : -priceTicks;
}

export function priceOf(key: number): number {
  return key > 0 ? key : -key;
}

/** The side of a key: prices are above zero. */
export function sideOf(key: number): BookSide {
  return key > 0 ? BUY : SELL;
}

export class PriceLadder {
  #keys: Int32Array;
  #levels: Int32Array;
  #count = 0;

  constructor(rows: number) {
    this.#keys = new Int32Array(rows);
    this.#levels = new Int32Array(rows);
  }

  get count(): number {
    return this.#count;
  }

  /** The best key. There must be one. */
  bestKey(): number {
    return this.#keys[this.#count - 1] as number;
  }

  levelAt(row: number): number {
    return this.#levels[row] as number;
  }

  /** The row of a key, or the one where it would go in. */
  rowOf(key: number): number {
    return firstNotBelow(this.#keys, this.#count, key);
  }

  /** Puts a key in that is not there. */
  insert(key: number, level: number): void {
    const row = this.rowOf(key);
    const count = this.#count;
    if (count === this.#keys.length) {
      this.#keys = grown(this.#keys, new Int32Array(count * 2));
      this.#levels = grown(this.#levels, new Int32Array(count * 2));
    }
    openRow(this.#keys, row, count);
    openRow(this.#levels, row, count);
    this.#keys[row] = key;
    this.#levels[row] = level;
    this.#count = count + 1;
  }

  /** Takes a key out that is there. */
  remove(key: number): void {
    const row = this.rowOf(key);
    closeRow(this.#keys, row, this.#count);
    closeRow(this.#levels, row, this.#count);
    this.#count -= 1;
  }
}
