/**
 * The stop orders of one instrument that wait, each side in the order in which trades reach them:
 * buys from the lowest stop price up, sells from the highest down, at one price first come first.
 */
import type { Side } from "#exchange/core/commands.ts";

interface Waiting {
  order: number;
  stopTicks: number;
  /** The event that made it wait. */
  sinceSeq: number;
}

export class StopIndex {
  readonly #buys: Waiting[] = [];
  readonly #sells: Waiting[] = [];

  get size(): number {
    return this.#buys.length + this.#sells.length;
  }

  add(side: Side, waiting: Waiting): void {
    const line = this.#line(side);
    line.splice(this.#placeOf(side, waiting), 0, waiting);
  }

  /** Takes an order out; throws when it is not where its price and time say. */
  remove(side: Side, waiting: Waiting): void {
    const line = this.#line(side);
    const at = this.#placeOf(side, waiting);
    if (line[at]?.order !== waiting.order) {
      throw new Error(`stop order ${waiting.order} does not wait at ${waiting.stopTicks}`);
    }
    line.splice(at, 1);
  }

  /** Orders that a trade at that price reaches: buys first, each side in its order. */
  reachedBy(priceTicks: number): number[] {
    const reached: number[] = [];
    for (const side of ["buy", "sell"] as const) {
      for (const { order, stopTicks } of this.#line(side)) {
        if (!isReached(side, stopTicks, priceTicks)) break;
        reached.push(order);
      }
    }
    return reached;
  }

  /** All that wait, in no order that means anything. */
  orders(): number[] {
    return [...this.#buys, ...this.#sells].map(({ order }) => order);
  }

  #line(side: Side): Waiting[] {
    return side === "buy" ? this.#buys : this.#sells;
  }

  /** The first place that is not before it. */
  #placeOf(side: Side, waiting: Waiting): number {
    const line = this.#line(side);
    let low = 0;
    let high = line.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(side, line[middle] as Waiting, waiting)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether a trade at that price lets a stop order in. */
export function isReached(side: Side, stopTicks: number, priceTicks: number): boolean {
  return side === "buy" ? priceTicks >= stopTicks : priceTicks <= stopTicks;
}

function isBefore(side: Side, a: Waiting, b: Waiting): boolean {
  if (a.stopTicks !== b.stopTicks) {
    return side === "buy" ? a.stopTicks < b.stopTicks : a.stopTicks > b.stopTicks;
  }
  if (a.sinceSeq !== b.sinceSeq) return a.sinceSeq < b.sinceSeq;
  return a.order < b.order;
}
