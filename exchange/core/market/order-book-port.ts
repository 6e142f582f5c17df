/**
 * What an order book is. Two implementations: `order-book.ts` on typed arrays, which runs, and
 * `reference-book.ts`, which is obvious and serves as the specification in tests.
 *
 * A book holds resting orders of one instrument and gives them back in price-time priority. It knows
 * nothing of owners, money or why an order ends. Prices are ticks, quantities increments, both
 * positive integers; an order is named by its number, a place in the book by a handle.
 */
export const BUY = 0;
export const SELL = 1;
export type BookSide = typeof BUY | typeof SELL;

/** No place in the book. */
export const NONE = 0;

export interface DepthLevel {
  priceTicks: number;
  quantity: number;
  orders: number;
}

/** The whole book as plain JSON-able data, free places and their order included. */
export type BookSnapshot = Record<string, unknown>;

export interface OrderBook {
  /** Rests an order at the back of its price. Returns its handle: slot and generation, never 0. */
  add(side: BookSide, priceTicks: number, quantity: number, order: number): number;
  /** Takes an order out. False when the handle is stale. */
  remove(handle: number): boolean;
  /** Makes an order smaller, keeping its place; takes it out at 0. Throws on a stale handle or more than is left. */
  reduce(handle: number, quantity: number): void;
  /** The first order of a side, or NONE. */
  best(side: BookSide): number;
  /** The order after this one on the same side: same price, else next price. NONE at the end. */
  next(handle: number): number;
  has(handle: number): boolean;
  side(handle: number): BookSide;
  priceTicks(handle: number): number;
  quantity(handle: number): number;
  order(handle: number): number;
  /** Best price of a side, or null when it is empty. */
  bestPriceTicks(side: BookSide): number | null;
  /** Aggregated levels from the best outward, at most `levelsMax`. */
  depth(side: BookSide, levelsMax: number): DepthLevel[];
  /** The places of all orders, in no order that means anything; others may come and go meanwhile. */
  handles(): Iterable<number>;
  /** Orders resting on both sides. */
  readonly size: number;
  snapshot(): BookSnapshot;
}
