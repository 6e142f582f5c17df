/** The obvious book: arrays of plain objects, sorted on every look. Slow on purpose; tests hold the fast one against it. */
import {
  type BookSide,
  type BookSnapshot,
  BUY,
  type DepthLevel,
  NONE,
  type OrderBook,
} from "./order-book-port.ts";

interface Resting {
  handle: number;
  side: BookSide;
  priceTicks: number;
  quantity: number;
  order: number;
}

export function createReferenceBook(): OrderBook {
  /** In order of arrival. */
  const resting: Resting[] = [];
  let lastHandle = 0;

  const inPriority = (side: BookSide): Resting[] =>
    resting
      .filter((entry) => entry.side === side)
      .sort((a, b) => (side === BUY ? b.priceTicks - a.priceTicks : a.priceTicks - b.priceTicks));
  const find = (handle: number): Resting => {
    const entry = resting.find((candidate) => candidate.handle === handle);
    if (entry === undefined) throw new RangeError(`handle ${handle} is stale`);
    return entry;
  };
  const book: OrderBook = {
    get size() {
      return resting.length;
    },
    add(side, priceTicks, quantity, order) {
      lastHandle += 1;
      resting.push({ handle: lastHandle, side, priceTicks, quantity, order });
      return lastHandle;
    },
    remove(handle) {
      const at = resting.findIndex((entry) => entry.handle === handle);
      if (at < 0) return false;
      resting.splice(at, 1);
      return true;
    },
    reduce(handle, quantity) {
      const entry = find(handle);
      if (quantity <= 0 || quantity > entry.quantity) throw new RangeError("reduced by too much");
      entry.quantity -= quantity;
      if (entry.quantity === 0) book.remove(handle);
    },
    best: (side) => inPriority(side)[0]?.handle ?? NONE,
    next(handle) {
      const sorted = inPriority(find(handle).side);
      return sorted[sorted.findIndex((entry) => entry.handle === handle) + 1]?.handle ?? NONE;
    },
    has: (handle) => resting.some((entry) => entry.handle === handle),
    side: (handle) => find(handle).side,
    priceTicks: (handle) => find(handle).priceTicks,
    quantity: (handle) => find(handle).quantity,
    order: (handle) => find(handle).order,
    bestPriceTicks: (side) => inPriority(side)[0]?.priceTicks ?? null,
    depth(side, levelsMax) {
      const levels = new Map<number, DepthLevel>();
      for (const { priceTicks, quantity } of inPriority(side)) {
        const level = levels.get(priceTicks) ?? { priceTicks, quantity: 0, orders: 0 };
        level.quantity += quantity;
        level.orders += 1;
        levels.set(priceTicks, level);
      }
      return [...levels.values()].slice(0, levelsMax);
    },
    snapshot: (): BookSnapshot => ({ resting: structuredClone(resting) }),
  };
  return book;
}
