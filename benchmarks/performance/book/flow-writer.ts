/**
 * Writes the records of an order flow while keeping a small book of what is live, so that every
 * cancel hits a live order. It is no part of what is measured.
 */
import { type BookSide, BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import type { Random } from "#simulation/random.ts";

export const ADD = 0;
export const CANCEL = 1;
export const MARKET = 2;
export const IOC = 3;

/** One record: operation, order, side, price in ticks (0 for market orders), quantity. */
export const RECORD_FIELDS = 5;
/** Prices of a flow are below this, so that books with a price ladder can run it too. */
export const PRICE_TICKS_END = 1 << 17;
/** Dead orders at the front of a price are dropped in batches of at least this many. */
const COMPACT_AFTER = 256;

export interface LiveOrder {
  id: number;
  side: BookSide;
  priceTicks: number;
  quantity: number;
  /** Where it stands in the list of live orders; -1 once it is dead. */
  place: number;
}

interface Queue {
  orders: LiveOrder[];
  /** Orders before this one are dead. */
  first: number;
}

export class FlowWriter {
  /** Records so far, flattened. */
  readonly records: number[] = [];
  /** The price around which orders are placed; workloads let it wander. */
  midTicks = 50_000;
  readonly #random: Random;
  readonly #live: LiveOrder[] = [];
  readonly #queues: [Map<number, Queue>, Map<number, Queue>] = [new Map(), new Map()];
  readonly #counts = [new Int32Array(PRICE_TICKS_END), new Int32Array(PRICE_TICKS_END)] as const;
  #bestBidTicks = -1;
  #bestAskTicks = PRICE_TICKS_END;
  #lastId = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get liveCount(): number {
    return this.#live.length;
  }

  /** The highest order id given out. */
  get lastId(): number {
    return this.#lastId;
  }

  /** -1 when there are no bids. */
  get bestBidTicks(): number {
    return this.#bestBidTicks;
  }

  /** `PRICE_TICKS_END` when there are no asks. */
  get bestAskTicks(): number {
    return this.#bestAskTicks;
  }

  /** Rests an order. */
  add(side: BookSide, priceTicks: number, quantity: number): LiveOrder {
    const id = this.#write(ADD, side, priceTicks, quantity);
    const order = { id, side, priceTicks, quantity, place: this.#live.length };
    this.#live.push(order);
    const queue = this.#queues[side].get(priceTicks);
    if (queue === undefined) this.#queues[side].set(priceTicks, { orders: [order], first: 0 });
    else queue.orders.push(order);
    this.#changeCount(side, priceTicks, 1);
    if (side === BUY) this.#bestBidTicks = Math.max(this.#bestBidTicks, priceTicks);
    else this.#bestAskTicks = Math.min(this.#bestAskTicks, priceTicks);
    return order;
  }

  /** Rests an order near the middle, `depthMean` ticks away on average, that takes nothing. */
  addPassive(depthMean: number, side: BookSide, quantityMin: number, quantityMax: number): void {
    const distance = 1 + this.#random.exponential(depthMean);
    const wanted =
      side === BUY
        ? Math.min(this.midTicks - distance, this.#bestAskTicks - 1)
        : Math.max(this.midTicks + distance, this.#bestBidTicks + 1);
    const priceTicks = Math.min(Math.max(wanted, 1), PRICE_TICKS_END - 2);
    this.add(side, priceTicks, this.#random.between(quantityMin, quantityMax));
  }

  cancel(order: LiveOrder): void {
    const { id, side, priceTicks, quantity } = order;
    this.records.push(CANCEL, id, side, priceTicks, quantity);
    this.#kill(order);
  }

  cancelRandom(): void {
    this.cancel(this.#live[this.#random.between(0, this.#live.length - 1)] as LiveOrder);
  }

  /** Takes at any price. */
  market(side: BookSide, quantity: number): void {
    this.#write(MARKET, side, 0, quantity);
    this.#take(side, side === BUY ? PRICE_TICKS_END : -1, quantity);
  }

  /** Takes up to a limit; what is left does not rest. */
  immediate(side: BookSide, priceTicks: number, quantity: number): void {
    this.#write(IOC, side, priceTicks, quantity);
    this.#take(side, priceTicks, quantity);
  }

  #write(operation: number, side: BookSide, priceTicks: number, quantity: number): number {
    this.#lastId += 1;
    this.records.push(operation, this.#lastId, side, priceTicks, quantity);
    return this.#lastId;
  }

  #take(side: BookSide, limitTicks: number, quantity: number): void {
    let left = quantity;
    while (left > 0) {
      const priceTicks = side === BUY ? this.#bestAskTicks : this.#bestBidTicks;
      if (priceTicks < 0 || priceTicks >= PRICE_TICKS_END) return;
      if (side === BUY ? priceTicks > limitTicks : priceTicks < limitTicks) return;
      const order = this.#firstAt(side === BUY ? SELL : BUY, priceTicks);
      const taken = Math.min(left, order.quantity);
      left -= taken;
      order.quantity -= taken;
      if (order.quantity === 0) this.#kill(order);
    }
  }

  #firstAt(side: BookSide, priceTicks: number): LiveOrder {
    const queue = this.#queues[side].get(priceTicks) as Queue;
    while (queue.orders[queue.first]?.place === -1) queue.first += 1;
    if (queue.first > COMPACT_AFTER && queue.first * 2 > queue.orders.length) {
      queue.orders.splice(0, queue.first);
      queue.first = 0;
    }
    return queue.orders[queue.first] as LiveOrder;
  }

  #kill(order: LiveOrder): void {
    const last = this.#live.pop() as LiveOrder;
    if (last !== order) {
      this.#live[order.place] = last;
      last.place = order.place;
    }
    order.place = -1;
    this.#changeCount(order.side, order.priceTicks, -1);
    while (this.#bestBidTicks >= 0 && this.#counts[BUY][this.#bestBidTicks] === 0) {
      this.#bestBidTicks -= 1;
    }
    while (this.#bestAskTicks < PRICE_TICKS_END && this.#counts[SELL][this.#bestAskTicks] === 0) {
      this.#bestAskTicks += 1;
    }
  }

  #changeCount(side: BookSide, priceTicks: number, by: 1 | -1): void {
    const counts = this.#counts[side];
    counts[priceTicks] = (counts[priceTicks] as number) + by;
  }
}
