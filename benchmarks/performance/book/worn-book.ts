/**
 * A book as after weeks of trading: every slot was used so often that its handles no longer fit in 31
 * bits, which V8 keeps as numbers on the heap. A new book would be measured too well.
 */
import { createOrderBook, restoreOrderBook } from "#exchange/core/market/order-book.ts";
import { BUY, type OrderBook } from "#exchange/core/market/order-book-port.ts";

/** More than a flow ever has resting. */
const SLOTS = 16_384;
/** From the 1,024th use on a handle is above 2^31. */
const USES = 1_050;

/** Wears a book out once, and returns what gives an empty copy of it each time. */
export function createWornBooks(): () => OrderBook {
  const book = createOrderBook();
  const handles = new Float64Array(SLOTS);
  for (let use = 0; use < USES; use += 1) {
    for (let n = 0; n < SLOTS; n += 1) handles[n] = book.add(BUY, 1, 1, n);
    for (let n = 0; n < SLOTS; n += 1) book.remove(handles[n] as number);
  }
  const snapshot = book.snapshot();
  return () => restoreOrderBook(snapshot);
}
