/**
 * Price-time matching on a bare book, without owners and money: what benchmarks and differential
 * tests run. The market proper plans first (`planMatch`), with the same calls of the book.
 */
import { type BookSide, BUY, type OrderBook, SELL } from "./order-book-port.ts";

/**
 * Takes up to `quantity` from the book for a taker on `takerSide`, at the makers' prices, none beyond
 * `limitTicks` (null: any price). Calls `onFill` per maker, in order, before the maker is changed; it
 * may not change the book. Returns what is left of the quantity.
 */
export function matchBook(
  book: OrderBook,
  takerSide: BookSide,
  limitTicks: number | null,
  quantity: number,
  onFill: (order: number, priceTicks: number, quantity: number) => void,
): number {
  const makerSide = takerSide === BUY ? SELL : BUY;
  let left = quantity;
  while (left > 0) {
    const priceTicks = book.bestPriceTicks(makerSide);
    if (priceTicks === null) return left;
    if (limitTicks !== null) {
      if (takerSide === BUY ? priceTicks > limitTicks : priceTicks < limitTicks) return left;
    }
    const maker = book.best(makerSide);
    const taken = Math.min(left, book.quantity(maker));
    onFill(book.order(maker), priceTicks, taken);
    book.reduce(maker, taken);
    left -= taken;
  }
  return left;
}
