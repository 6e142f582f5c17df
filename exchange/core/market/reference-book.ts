/**
 * The obvious book: per side one array of plain objects in order of priority. Slow on purpose; it is
 * the specification that tests hold the fast one against.
 */
import { ORDERS_PER_BOOK_MAX } from "./order-book.ts";
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

interface ReferenceSnapshot {
  ordersMax: number;
  lastHandle: number;
  sides: [bids: Resting[], asks: Resting[]];
}

const INT32_MAX = 2 ** 31 - 1;
const isQuantity = (value: number) => Number.isInteger(value) && value >= 1 && value <= INT32_MAX;

/** An empty book. Adding beyond `ordersMax` throws a RangeError and changes nothing. */
export function createReferenceBook({ ordersMax = ORDERS_PER_BOOK_MAX } = {}): OrderBook {
  return bookOf({ ordersMax, lastHandle: NONE, sides: [[], []] });
}

/** The book of a snapshot; later orders get the handles they would have had. */
export function restoreReferenceBook(snapshot: BookSnapshot): OrderBook {
  return bookOf(structuredClone(snapshot) as unknown as ReferenceSnapshot);
}

function bookOf(state: ReferenceSnapshot): OrderBook {
  const { ordersMax, sides } = state;
  const byHandle = new Map(sides.flat().map((entry) => [entry.handle, entry]));
  const find = (handle: number): Resting => {
    const entry = byHandle.get(handle);
    if (entry === undefined) throw new RangeError(`handle ${handle} is stale: its order has left`);
    return entry;
  };
  const comesBefore = (a: Resting, b: Resting) =>
    a.side === BUY ? a.priceTicks > b.priceTicks : a.priceTicks < b.priceTicks;

  const book: OrderBook = {
    get size() {
      return byHandle.size;
    },
    add(side, priceTicks, quantity, order) {
      if (!isQuantity(priceTicks) || !isQuantity(quantity)) {
        throw new RangeError(`price ${priceTicks}, quantity ${quantity}: expected positive int32`);
      }
      if (byHandle.size >= ordersMax) throw new RangeError(`${ordersMax} orders are the limit`);
      state.lastHandle += 1;
      const entry = { handle: state.lastHandle, side, priceTicks, quantity, order };
      // Behind all orders of the same price or a better one.
      let place = 0;
      for (const other of sides[side]) {
        if (comesBefore(entry, other)) break;
        place += 1;
      }
      sides[side].splice(place, 0, entry);
      byHandle.set(entry.handle, entry);
      return entry.handle;
    },
    remove(handle) {
      const entry = byHandle.get(handle);
      if (entry === undefined) return false;
      sides[entry.side].splice(sides[entry.side].indexOf(entry), 1);
      byHandle.delete(handle);
      return true;
    },
    reduce(handle, quantity) {
      const entry = find(handle);
      if (!isQuantity(quantity) || quantity > entry.quantity) {
        throw new RangeError(`reducing by ${quantity}, expected 1 to ${entry.quantity}`);
      }
      entry.quantity -= quantity;
      if (entry.quantity === 0) book.remove(handle);
    },
    best: (side) => sides[side][0]?.handle ?? NONE,
    next(handle) {
      const entry = find(handle);
      const side = sides[entry.side];
      return side[side.indexOf(entry) + 1]?.handle ?? NONE;
    },
    has: (handle) => byHandle.has(handle),
    side: (handle) => find(handle).side,
    priceTicks: (handle) => find(handle).priceTicks,
    quantity: (handle) => find(handle).quantity,
    order: (handle) => find(handle).order,
    handles: () => byHandle.keys(),
    bestPriceTicks: (side) => sides[side][0]?.priceTicks ?? null,
    depth(side, levelsMax) {
      const levels = new Map<number, DepthLevel>();
      for (const { priceTicks, quantity } of sides[side]) {
        const level = levels.get(priceTicks) ?? { priceTicks, quantity: 0, orders: 0 };
        level.quantity += quantity;
        level.orders += 1;
        levels.set(priceTicks, level);
      }
      return [...levels.values()].slice(0, levelsMax);
    },
    snapshot: () => structuredClone({ ...state }) as unknown as BookSnapshot,
  };
  return book;
}
