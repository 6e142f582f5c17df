/**
 * The order book that runs: struct-of-arrays on typed arrays, so that matching allocates nothing.
 * Orders sit in slots on intrusive lists per price level; per side a sorted array of price keys has
 * the best price at its end, where nearly all work happens. Free slots and levels are kept on lists.
 */
import { type Column, grown, isInt32AboveZero, listIn, listsOf } from "./columns.ts";
import { firstNotBelow } from "./gallop-search.ts";
import {
  type BookSide,
  type BookSnapshot,
  BUY,
  type DepthLevel,
  NONE,
  type OrderBook,
  SELL,
} from "./order-book-port.ts";
import { FIRST_GENERATION, handleOf, nextGeneration, slotOf } from "./order-handle.ts";

/** Most orders that may rest in one book at a time. */
export const ORDERS_PER_BOOK_MAX = 1 << 20;
const SLOTS_AT_START = 1024;

class TypedArrayBook implements OrderBook {
  #ordersMax: number;
  #slots = SLOTS_AT_START;
  #slotsUsed = 1;
  #freeSlot = NONE;
  #orderNumber = new Float64Array(SLOTS_AT_START);
  #generation = new Float64Array(SLOTS_AT_START);
  #orderQuantity = new Int32Array(SLOTS_AT_START);
  #orderLevel = new Int32Array(SLOTS_AT_START);
  #nextSlot = new Int32Array(SLOTS_AT_START);
  #previousSlot = new Int32Array(SLOTS_AT_START);

  #levels = SLOTS_AT_START;
  #levelsUsed = 1;
  #freeLevel = NONE;
  #levelHead = new Int32Array(SLOTS_AT_START);
  #levelTail = new Int32Array(SLOTS_AT_START);
  #levelPrice = new Int32Array(SLOTS_AT_START);
  #levelSide = new Uint8Array(SLOTS_AT_START);
  #levelCount = new Int32Array(SLOTS_AT_START);
  #levelQuantity = new Float64Array(SLOTS_AT_START);
  #nextLevel = new Int32Array(SLOTS_AT_START);

  /** Per side, ascending: the price of a bid, the negated price of an ask. The best is last. */
  #keys = [new Int32Array(SLOTS_AT_START), new Int32Array(SLOTS_AT_START)];
  #ladder = [new Int32Array(SLOTS_AT_START), new Int32Array(SLOTS_AT_START)];
  #count = [0, 0];
  #size = 0;

  constructor(ordersMax: number) {
    if (!isInt32AboveZero(ordersMax) || ordersMax > ORDERS_PER_BOOK_MAX) {
      throw new RangeError(`ordersMax is ${ordersMax}, expected 1 to ${ORDERS_PER_BOOK_MAX}`);
    }
    this.#ordersMax = ordersMax;
  }

  get size(): number {
    return this.#size;
  }

  add(side: BookSide, priceTicks: number, quantity: number, order: number): number {
    if (!isInt32AboveZero(priceTicks) || !isInt32AboveZero(quantity)) {
      throw new RangeError(
        `price ${priceTicks}, quantity ${quantity}: expected integers from 1 to 2^31 - 1`,
      );
    }
    // Before anything changes: a level without orders must not stay behind.
    if (this.#size >= this.#ordersMax) {
      throw new RangeError(`the book holds ${this.#size} orders, its limit; cancel some first`);
    }
    const level = this.#levelAt(side, priceTicks);
    const slot = this.#takeSlot();
    const tail = this.#levelTail[level] as number;
    this.#orderNumber[slot] = order;
    this.#orderQuantity[slot] = quantity;
    this.#orderLevel[slot] = level;
    this.#nextSlot[slot] = NONE;
    this.#previousSlot[slot] = tail;
    if (tail === NONE) this.#levelHead[level] = slot;
    else this.#nextSlot[tail] = slot;
    this.#levelTail[level] = slot;
    this.#levelQuantity[level] = (this.#levelQuantity[level] as number) + quantity;
    this.#levelCount[level] = (this.#levelCount[level] as number) + 1;
    this.#size += 1;
    return this.#handleOf(slot);
  }

  remove(handle: number): boolean {
    if (!this.has(handle)) return false;
    const slot = slotOf(handle);
    const level = this.#orderLevel[slot] as number;
    const next = this.#nextSlot[slot] as number;
    const previous = this.#previousSlot[slot] as number;
    if (previous === NONE) this.#levelHead[level] = next;
    else this.#nextSlot[previous] = next;
    if (next === NONE) this.#levelTail[level] = previous;
    else this.#previousSlot[next] = previous;
    this.#levelQuantity[level] =
      (this.#levelQuantity[level] as number) - (this.#orderQuantity[slot] as number);
    this.#levelCount[level] = (this.#levelCount[level] as number) - 1;
    if (this.#levelCount[level] === 0) this.#dropLevel(level);
    this.#orderQuantity[slot] = 0;
    this.#generation[slot] = nextGeneration(this.#generation[slot] as number);
    this.#nextSlot[slot] = this.#freeSlot;
    this.#freeSlot = slot;
    this.#size -= 1;
    return true;
  }

  reduce(handle: number, quantity: number): void {
    const slot = this.#live(handle);
    const left = (this.#orderQuantity[slot] as number) - quantity;
    if (!isInt32AboveZero(quantity) || left < 0) {
      throw new RangeError(`reducing by ${quantity}, expected 1 to ${this.#orderQuantity[slot]}`);
    }
    if (left === 0) {
      this.remove(handle);
      return;
    }
    const level = this.#orderLevel[slot] as number;
    this.#orderQuantity[slot] = left;
    this.#levelQuantity[level] = (this.#levelQuantity[level] as number) - quantity;
  }

  best(side: BookSide): number {
    const count = this.#count[side] as number;
    if (count === 0) return NONE;
    return this.#handleOf(this.#levelHead[this.#ladder[side]?.[count - 1] as number] as number);
  }

  next(handle: number): number {
    const slot = this.#live(handle);
    const next = this.#nextSlot[slot] as number;
    if (next !== NONE) return this.#handleOf(next);
    const level = this.#orderLevel[slot] as number;
    const side = this.#levelSide[level] as BookSide;
    const at = this.#find(side, keyOf(side, this.#levelPrice[level] as number));
    if (at === 0) return NONE;
    return this.#handleOf(this.#levelHead[this.#ladder[side]?.[at - 1] as number] as number);
  }

  has(handle: number): boolean {
    const slot = slotOf(handle);
    return (
      slot < this.#slotsUsed &&
      (this.#orderQuantity[slot] as number) > 0 &&
      this.#handleOf(slot) === handle
    );
  }

  side(handle: number): BookSide {
    return this.#levelSide[this.#orderLevel[this.#live(handle)] as number] as BookSide;
  }

  priceTicks(handle: number): number {
    return this.#levelPrice[this.#orderLevel[this.#live(handle)] as number] as number;
  }

  quantity(handle: number): number {
    return this.#orderQuantity[this.#live(handle)] as number;
  }

  order(handle: number): number {
    return this.#orderNumber[this.#live(handle)] as number;
  }

  bestPriceTicks(side: BookSide): number | null {
    const count = this.#count[side] as number;
    return count === 0
      ? null
      : (this.#levelPrice[this.#ladder[side]?.[count - 1] as number] as number);
  }

  depth(side: BookSide, levelsMax: number): DepthLevel[] {
    const levels: DepthLevel[] = [];
    let at = this.#count[side] as number;
    while (at > 0 && levels.length < levelsMax) {
      at -= 1;
      const level = this.#ladder[side]?.[at] as number;
      levels.push({
        priceTicks: this.#levelPrice[level] as number,
        quantity: this.#levelQuantity[level] as number,
        orders: this.#levelCount[level] as number,
      });
    }
    return levels;
  }

  snapshot(): BookSnapshot {
    const ladder = (side: BookSide, arrays: Int32Array[]) =>
      Array.from((arrays[side] as Int32Array).subarray(0, this.#count[side]));
    return {
      ordersMax: this.#ordersMax,
      size: this.#size,
      slotsUsed: this.#slotsUsed,
      freeSlot: this.#freeSlot,
      ...listsOf(this.#slotColumns(), this.#slotsUsed),
      levelsUsed: this.#levelsUsed,
      freeLevel: this.#freeLevel,
      ...listsOf(this.#levelColumns(), this.#levelsUsed),
      keys: [ladder(BUY, this.#keys), ladder(SELL, this.#keys)],
      ladder: [ladder(BUY, this.#ladder), ladder(SELL, this.#ladder)],
    };
  }

  load(snapshot: BookSnapshot): void {
    this.#slotsUsed = snapshot.slotsUsed as number;
    this.#levelsUsed = snapshot.levelsUsed as number;
    if (!(Math.max(this.#slotsUsed, this.#levelsUsed) <= this.#ordersMax + 1)) {
      throw new RangeError(`book snapshot has more places than its ${this.#ordersMax} orders need`);
    }
    while (this.#slots < this.#slotsUsed) this.#growSlots();
    while (this.#levels < this.#levelsUsed) this.#growLevels();
    this.#size = snapshot.size as number;
    this.#freeSlot = snapshot.freeSlot as number;
    this.#freeLevel = snapshot.freeLevel as number;
    const columns = { ...this.#slotColumns(), ...this.#levelColumns() };
    for (const [name, column] of Object.entries(columns)) column.set(listIn(snapshot, name));
    for (const side of [BUY, SELL] as const) {
      const keys = listIn<number[]>(snapshot, "keys")[side] as number[];
      this.#count[side] = keys.length;
      this.#keys[side]?.set(keys);
      this.#ladder[side]?.set(listIn<number[]>(snapshot, "ladder")[side] as number[]);
    }
  }

  /** One row per slot, by their names in a snapshot. */
  #slotColumns(): Record<string, Column> {
    return {
      orderNumber: this.#orderNumber,
      generation: this.#generation,
      orderQuantity: this.#orderQuantity,
      orderLevel: this.#orderLevel,
      nextSlot: this.#nextSlot,
      previousSlot: this.#previousSlot,
    };
  }

  /** One row per level, by their names in a snapshot. */
  #levelColumns(): Record<string, Column> {
    return {
      levelHead: this.#levelHead,
      levelTail: this.#levelTail,
      levelPrice: this.#levelPrice,
      levelSide: this.#levelSide,
      levelCount: this.#levelCount,
      levelQuantity: this.#levelQuantity,
      nextLevel: this.#nextLevel,
    };
  }

  #live(handle: number): number {
    if (!this.has(handle)) throw new RangeError(`handle ${handle} is stale: its order has left`);
    return slotOf(handle);
  }

  #handleOf(slot: number): number {
    return handleOf(slot, this.#generation[slot] as number);
  }

  #takeSlot(): number {
    const free = this.#freeSlot;
    if (free !== NONE) {
      this.#freeSlot = this.#nextSlot[free] as number;
      return free;
    }
    if (this.#slotsUsed === this.#slots) this.#growSlots();
    const slot = this.#slotsUsed;
    this.#slotsUsed += 1;
    this.#generation[slot] = FIRST_GENERATION;
    return slot;
  }

  #find(side: BookSide, key: number): number {
    return firstNotBelow(this.#keys[side] as Int32Array, this.#count[side] as number, key);
  }

  #levelAt(side: BookSide, priceTicks: number): number {
    const key = keyOf(side, priceTicks);
    const count = this.#count[side] as number;
    const at = this.#find(side, key);
    if (at < count && this.#keys[side]?.[at] === key) return this.#ladder[side]?.[at] as number;
    const level = this.#takeLevel();
    this.#levelHead[level] = NONE;
    this.#levelTail[level] = NONE;
    this.#levelPrice[level] = priceTicks;
    this.#levelSide[level] = side;
    this.#levelCount[level] = 0;
    this.#levelQuantity[level] = 0;
    const keys = this.#keys[side] as Int32Array;
    const ladder = this.#ladder[side] as Int32Array;
    if (at < count) {
      keys.copyWithin(at + 1, at, count);
      ladder.copyWithin(at + 1, at, count);
    }
    keys[at] = key;
    ladder[at] = level;
    this.#count[side] = count + 1;
    return level;
  }

  #takeLevel(): number {
    const free = this.#freeLevel;
    if (free !== NONE) {
      this.#freeLevel = this.#nextLevel[free] as number;
      return free;
    }
    if (this.#levelsUsed === this.#levels) this.#growLevels();
    this.#levelsUsed += 1;
    return this.#levelsUsed - 1;
  }

  #dropLevel(level: number): void {
    const side = this.#levelSide[level] as BookSide;
    const count = this.#count[side] as number;
    const at = this.#find(side, keyOf(side, this.#levelPrice[level] as number));
    if (at < count - 1) {
      this.#keys[side]?.copyWithin(at, at + 1, count);
      this.#ladder[side]?.copyWithin(at, at + 1, count);
    }
    this.#count[side] = count - 1;
    this.#nextLevel[level] = this.#freeLevel;
    this.#freeLevel = level;
  }

  #growSlots(): void {
    // One more than orders: slot 0 is nobody's.
    this.#slots = Math.min(this.#slots * 2, ORDERS_PER_BOOK_MAX + 1);
    this.#orderNumber = grown(this.#orderNumber, new Float64Array(this.#slots));
    this.#generation = grown(this.#generation, new Float64Array(this.#slots));
    this.#orderQuantity = grown(this.#orderQuantity, new Int32Array(this.#slots));
    this.#orderLevel = grown(this.#orderLevel, new Int32Array(this.#slots));
    this.#nextSlot = grown(this.#nextSlot, new Int32Array(this.#slots));
    this.#previousSlot = grown(this.#previousSlot, new Int32Array(this.#slots));
  }

  #growLevels(): void {
    this.#levels = Math.min(this.#levels * 2, ORDERS_PER_BOOK_MAX + 1);
    this.#levelHead = grown(this.#levelHead, new Int32Array(this.#levels));
    this.#levelTail = grown(this.#levelTail, new Int32Array(this.#levels));
    this.#levelPrice = grown(this.#levelPrice, new Int32Array(this.#levels));
    this.#levelSide = grown(this.#levelSide, new Uint8Array(this.#levels));
    this.#levelCount = grown(this.#levelCount, new Int32Array(this.#levels));
    this.#levelQuantity = grown(this.#levelQuantity, new Float64Array(this.#levels));
    this.#nextLevel = grown(this.#nextLevel, new Int32Array(this.#levels));
    this.#keys = this.#keys.map((keys) => grown(keys, new Int32Array(this.#levels)));
    this.#ladder = this.#ladder.map((rows) => grown(rows, new Int32Array(this.#levels)));
  }
}

/** Ascending keys put the best price last on both sides. */
function keyOf(side: BookSide, priceTicks: number): number {
  return side === BUY ? priceTicks : -priceTicks;
}

/** An empty book. Adding beyond `ordersMax` throws a RangeError and changes nothing. */
export function createOrderBook({ ordersMax = ORDERS_PER_BOOK_MAX } = {}): OrderBook {
  return new TypedArrayBook(ordersMax);
}

/** The book of a snapshot, with the same limit, handles and free places. Throws on a snapshot cut short. */
export function restoreOrderBook(snapshot: BookSnapshot): OrderBook {
  const book = new TypedArrayBook(
    (snapshot.ordersMax as number | undefined) ?? ORDERS_PER_BOOK_MAX,
  );
  book.load(snapshot);
  return book;
}
