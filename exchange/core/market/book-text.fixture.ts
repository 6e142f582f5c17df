/**
 * Order books as text for tests, `10: #1x5 #2x3 | 12: #3x7`: a side from its best price outward, at
 * each price the orders in line with their quantities.
 */
import { expect } from "vitest";
import { matchBook } from "./match-book.ts";
import {
  type BookSide,
  BUY,
  type DepthLevel,
  NONE,
  type OrderBook,
  SELL,
} from "./order-book-port.ts";

/** A side as walked from order to order. Fails when the aggregated levels say otherwise. */
export function sideText(book: OrderBook, side: BookSide): string {
  const levels: (DepthLevel & { text: string })[] = [];
  for (let at = book.best(side); at !== NONE; at = book.next(at)) {
    const priceTicks = book.priceTicks(at);
    const quantity = book.quantity(at);
    expect(book.side(at)).toBe(side);
    if (levels.at(-1)?.priceTicks !== priceTicks) {
      levels.push({ priceTicks, quantity: 0, orders: 0, text: `${priceTicks}:` });
    }
    const level = levels.at(-1) as (typeof levels)[number];
    level.quantity += quantity;
    level.orders += 1;
    level.text += ` #${book.order(at)}x${quantity}`;
  }
  expect(book.depth(side, Number.MAX_SAFE_INTEGER)).toEqual(
    levels.map(({ priceTicks, quantity, orders }) => ({ priceTicks, quantity, orders })),
  );
  expect(book.bestPriceTicks(side)).toBe(levels[0]?.priceTicks ?? null);
  return levels.map(({ text }) => text).join(" | ");
}

/** Both sides as text. Fails when the book's size is not the number of orders found. */
export function bookText(book: OrderBook): { bids: string; asks: string } {
  const [bids, asks] = [sideText(book, BUY), sideText(book, SELL)];
  expect(book.size).toBe(`${bids}${asks}`.split("#").length - 1);
  return { bids, asks };
}

/** Adds the orders of a side, left to right. Returns their handles by order number. */
export function place(book: OrderBook, side: BookSide, text: string): Map<number, number> {
  const handles = new Map<number, number>();
  for (const level of text.split(" | ").filter(Boolean)) {
    const [price, orders] = level.split(": ") as [string, string];
    for (const [, order, quantity] of orders.matchAll(/#(\d+)x(\d+)/g)) {
      const handle = book.add(side, Number(price), Number(quantity), Number(order));
      handles.set(Number(order), handle);
    }
  }
  return handles;
}

/** Lets a taker take, and returns the fills as text and what is left of its quantity. */
export function fillsOf(
  book: OrderBook,
  takerSide: BookSide,
  limit: number | null,
  quantity: number,
) {
  const fills: string[] = [];
  const left = matchBook(book, takerSide, limit, quantity, (order, priceTicks, filled) => {
    fills.push(`#${order}x${filled} at ${priceTicks}`);
  });
  return { fills, left };
}
