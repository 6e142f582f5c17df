/**
 * The levels of one market as durable events left them: what the book stream shows. Knows which
 * levels changed since it was last asked, and keeps the checksum of all of them as it goes.
 */
import type { Side } from "#exchange/core/commands.ts";
import { levelHash } from "./book-checksum.ts";

/** Price in ticks and quantity in increments. */
export type Level = readonly [priceTicks: number, quantity: number];

export interface LevelChanges {
  bids: Level[];
  asks: Level[];
}

class LevelSide {
  readonly #side: Side;
  readonly #quantities = new Map<number, number>();
  /** Worst price first, so that changes near the best move little. */
  readonly #prices: number[] = [];
  /** What a level held before it was first changed. */
  readonly #before = new Map<number, number>();

  constructor(side: Side) {
    this.#side = side;
  }

  get bestTicks(): number | null {
    return this.#prices.at(-1) ?? null;
  }

  get size(): number {
    return this.#prices.length;
  }

  quantity(priceTicks: number): number {
    return this.#quantities.get(priceTicks) ?? 0;
  }

  /** Returns what the level held before and holds now. */
  change(priceTicks: number, by: number): [before: number, now: number] {
    const before = this.quantity(priceTicks);
    const now = before + by;
    if (now < 0) throw new Error(`${this.#side} level ${priceTicks} of ${before} changed by ${by}`);
    if (!this.#before.has(priceTicks)) this.#before.set(priceTicks, before);
    if (now === 0) {
      this.#quantities.delete(priceTicks);
      this.#prices.splice(this.#place(priceTicks), 1);
    } else {
      if (before === 0) this.#prices.splice(this.#place(priceTicks), 0, priceTicks);
      this.#quantities.set(priceTicks, now);
    }
    return [before, now];
  }

  takeChanges(): Level[] {
    const changed: Level[] = [];
    for (const [priceTicks, before] of this.#before) {
      const now = this.quantity(priceTicks);
      if (now !== before) changed.push([priceTicks, now]);
    }
    this.#before.clear();
    return changed;
  }

  /** All levels, best first. */
  levels(): Level[] {
    const { length } = this.#prices;
    return this.#prices.map((_price, at) => {
      const priceTicks = this.#prices[length - 1 - at] as number;
      return [priceTicks, this.quantity(priceTicks)];
    });
  }

  #place(priceTicks: number): number {
    const isBid = this.#side === "buy";
    let [low, high] = [0, this.#prices.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#prices[middle] as number;
      if (isBid ? there < priceTicks : there > priceTicks) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export class LevelBook {
  readonly #bids = new LevelSide("buy");
  readonly #asks = new LevelSide("sell");
  #checksum = 0;

  /** Of all levels; see `book-checksum.ts`. */
  get checksum(): number {
    return this.#checksum;
  }

  get size(): number {
    return this.#bids.size + this.#asks.size;
  }

  /** Best price of a side in ticks, or null when it is empty. */
  bestTicks(side: Side): number | null {
    return this.#of(side).bestTicks;
  }

  quantity(side: Side, priceTicks: number): number {
    return this.#of(side).quantity(priceTicks);
  }

  /** All levels of a side, best first. */
  levels(side: Side): Level[] {
    return this.#of(side).levels();
  }

  /** Adds so many increments to a level, or takes them. Throws when it has not as many. */
  change(side: Side, priceTicks: number, by: number): void {
    if (by === 0) return;
    const [before, now] = this.#of(side).change(priceTicks, by);
    if (before > 0) this.#checksum -= levelHash(side, priceTicks, before);
    if (now > 0) this.#checksum += levelHash(side, priceTicks, now);
    this.#checksum >>>= 0;
  }

  /** Levels that are not what they were at the last call, as they are now; 0 where one is gone. */
  takeChanges(): LevelChanges {
    return { bids: this.#bids.takeChanges(), asks: this.#asks.takeChanges() };
  }

  #of(side: Side): LevelSide {
    return side === "buy" ? this.#bids : this.#asks;
  }
}
