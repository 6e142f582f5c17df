/**
 * The order book that runs: struct-of-arrays on typed arrays, so that matching makes no garbage.
 * Orders sit in slots; those of one price form a doubly linked list through their slots, and free
 * slots form another.
 */
import { type Column, fillColumns, grown, isInt32AboveZero, listsOf } from "./columns.ts";
import {
  type BookSide,
  type BookSnapshot,
  type DepthLevel,
  NONE,
  type OrderBook,
} from "./order-book-port.ts";
import { firstHandleOf, nextHandle, slotOf } from "./order-handle.ts";
import { priceOf, sideOf } from "./price-ladder.ts";
import { PriceLevels } from "./price-levels.ts";

/** Most orders that may rest in one book at a time. */
export const ORDERS_PER_BOOK_MAX = 1 << 20;
const ROWS_AT_START = 1024;

class TypedArrayBook implements OrderBook {
  #ordersMax: number;
  #size = 0;

  #slotsUsed = 1;
  #freeSlot = NONE;
  /** Of a slot in use its order's handle; of a free one the negated handle it gives out next. */
  #slotHandle = new Float64Array(ROWS_AT_START);
  #orderNumber = new Float64Array(ROWS_AT_START);
  #orderQuantity = new Int32Array(ROWS_AT_START);
  #orderLevel = new Int32Array(ROWS_AT_START);
  #nextSlot = new Int32Array(ROWS_AT_START);
  #previousSlot = new Int32Array(ROWS_AT_START);

  readonly #levels = new PriceLevels(ROWS_AT_START);

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
    const levels = this.#levels;
    const level = levels.at(side, priceTicks);
    const slot = this.#takeSlot();
    const tail = levels.tail[level] as number;
    this.#orderNumber[slot] = order;
    this.#orderQuantity[slot] = quantity;
    this.#orderLevel[slot] = level;
    this.#nextSlot[slot] = NONE;
    this.#previousSlot[slot] = tail;
    if (tail === NONE) levels.head[level] = slot;
    else this.#nextSlot[tail] = slot;
    levels.tail[level] = slot;
    levels.quantity[level] = (levels.quantity[level] as number) + quantity;
    levels.count[level] = (levels.count[level] as number) + 1;
    this.#size += 1;
    const handle = -(this.#slotHandle[slot] as number);
    this.#slotHandle[slot] = handle;
    return handle;
  }

  remove(handle: number): boolean {
    if (!this.has(handle)) return false;
    this.#takeOut(slotOf(handle));
    return true;
  }

  reduce(handle: number, quantity: number): void {
    const slot = this.#live(handle);
    const left = (this.#orderQuantity[slot] as number) - quantity;
    if (!isInt32AboveZero(quantity) || left < 0) {
      throw new RangeError(`reducing by ${quantity}, expected 1 to ${this.#orderQuantity[slot]}`);
    }
    if (left === 0) {
      this.#takeOut(slot);
      return;
    }
    const level = this.#orderLevel[slot] as number;
    this.#orderQuantity[slot] = left;
    this.#levels.quantity[level] = (this.#levels.quantity[level] as number) - quantity;
  }

  best(side: BookSide): number {
    const ladder = this.#levels.ladder(side);
    return ladder.count === 0 ? NONE : this.#headOf(ladder.levelAt(ladder.count - 1));
  }

  next(handle: number): number {
    const slot = this.#live(handle);
    const next = this.#nextSlot[slot] as number;
    if (next !== NONE) return this.#slotHandle[next] as number;
    const level = this.#levels.after(this.#orderLevel[slot] as number);
    return level === NONE ? NONE : this.#headOf(level);
  }

  has(handle: number): boolean {
    const slot = slotOf(handle);
    return slot < this.#slotsUsed && handle > 0 && this.#slotHandle[slot] === handle;
  }

  side(handle: number): BookSide {
    return sideOf(this.#keyOf(handle));
  }

  priceTicks(handle: number): number {
    return priceOf(this.#keyOf(handle));
  }

  quantity(handle: number): number {
    return this.#orderQuantity[this.#live(handle)] as number;
  }

  order(handle: number): number {
    return this.#orderNumber[this.#live(handle)] as number;
  }

  *handles(): Generator<number> {
    for (let slot = 1; slot < this.#slotsUsed; slot += 1) {
      const handle = this.#slotHandle[slot] as number;
      if (handle > 0) yield handle;
    }
  }

  bestPriceTicks(side: BookSide): number | null {
    const ladder = this.#levels.ladder(side);
    return ladder.count === 0 ? null : priceOf(ladder.bestKey());
  }

  depth(side: BookSide, levelsMax: number): DepthLevel[] {
    const depth: DepthLevel[] = [];
    const levels = this.#levels;
    const ladder = levels.ladder(side);
    for (let row = ladder.count - 1; row >= 0 && depth.length < levelsMax; row -= 1) {
      const level = ladder.levelAt(row);
      depth.push({
        priceTicks: priceOf(levels.key[level] as number),
        quantity: levels.quantity[level] as number,
        orders: levels.count[level] as number,
      });
    }
    return depth;
  }

  snapshot(): BookSnapshot {
    return {
      ordersMax: this.#ordersMax,
      size: this.#size,
      slotsUsed: this.#slotsUsed,
      freeSlot: this.#freeSlot,
      ...listsOf(this.#columns(), this.#slotsUsed),
      ...this.#levels.snapshot(),
    };
  }

  load(snapshot: BookSnapshot): void {
    this.#slotsUsed = snapshot.slotsUsed as number;
    if (!(this.#slotsUsed <= this.#ordersMax + 1)) {
      throw new RangeError(
        `book snapshot has ${this.#slotsUsed} slots, ${this.#ordersMax} orders need fewer`,
      );
    }
    while (this.#nextSlot.length < this.#slotsUsed) this.#grow();
    this.#size = snapshot.size as number;
    this.#freeSlot = snapshot.freeSlot as number;
    fillColumns(this.#columns(), snapshot, this.#slotsUsed);
    this.#levels.load(snapshot, this.#ordersMax);
  }

  /** By their names in a snapshot. */
  #columns(): Record<string, Column> {
    return {
      slotHandle: this.#slotHandle,
      orderNumber: this.#orderNumber,
      orderQuantity: this.#orderQuantity,
      orderLevel: this.#orderLevel,
      nextSlot: this.#nextSlot,
      previousSlot: this.#previousSlot,
    };
  }

  #headOf(level: number): number {
    return this.#slotHandle[this.#levels.head[level] as number] as number;
  }

  #keyOf(handle: number): number {
    return this.#levels.key[this.#orderLevel[this.#live(handle)] as number] as number;
  }

  #live(handle: number): number {
    if (!this.has(handle)) throw new RangeError(`handle ${handle} is stale: its order has left`);
    return slotOf(handle);
  }

  #takeOut(slot: number): void {
    const levels = this.#levels;
    const level = this.#orderLevel[slot] as number;
    const next = this.#nextSlot[slot] as number;
    const previous = this.#previousSlot[slot] as number;
    if (previous === NONE) levels.head[level] = next;
    else this.#nextSlot[previous] = next;
    if (next === NONE) levels.tail[level] = previous;
    else this.#previousSlot[next] = previous;
    const quantity = this.#orderQuantity[slot] as number;
    levels.quantity[level] = (levels.quantity[level] as number) - quantity;
    const count = (levels.count[level] as number) - 1;
    levels.count[level] = count;
    if (count === 0) levels.drop(level);
    this.#slotHandle[slot] = -nextHandle(this.#slotHandle[slot] as number);
    this.#nextSlot[slot] = this.#freeSlot;
    this.#freeSlot = slot;
    this.#size -= 1;
  }

  #takeSlot(): number {
    const free = this.#freeSlot;
    if (free !== NONE) {
      this.#freeSlot = this.#nextSlot[free] as number;
      return free;
    }
    const slot = this.#slotsUsed;
    if (slot === this.#nextSlot.length) this.#grow();
    this.#slotsUsed = slot + 1;
    this.#slotHandle[slot] = -firstHandleOf(slot);
    return slot;
  }

  #grow(): void {
    // One more than orders: slot 0 is nobody's.
    const rows = Math.min(this.#nextSlot.length * 2, ORDERS_PER_BOOK_MAX + 1);
    this.#slotHandle = grown(this.#slotHandle, new Float64Array(rows));
    this.#orderNumber = grown(this.#orderNumber, new Float64Array(rows));
    this.#orderQuantity = grown(this.#orderQuantity, new Int32Array(rows));
    this.#orderLevel = grown(this.#orderLevel, new Int32Array(rows));
    this.#nextSlot = grown(this.#nextSlot, new Int32Array(rows));
    this.#previousSlot = grown(this.#previousSlot, new Int32Array(rows));
  }
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
