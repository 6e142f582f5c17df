/** The fast book against the obvious one: the same seeded stream of commands, the same book after each. */
import { expect, test } from "vitest";
import { createOrderBook, restoreOrderBook } from "./order-book.ts";
import { type BookSide, BUY, NONE, type OrderBook, SELL } from "./order-book-port.ts";
import { createReferenceBook } from "./reference-book.ts";

const SEED = Number(process.env.SEED ?? 20_261_124);

/** mulberry32: small, seeded, good enough to choose test commands. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Takes from the best prices on; returns what was filled as text. */
function take(book: OrderBook, side: BookSide, quantity: number): string {
  let left = quantity;
  let fills = "";
  while (left > 0) {
    const handle = book.best(side);
    if (handle === NONE) break;
    const filled = Math.min(left, book.quantity(handle));
    fills += `${book.order(handle)}@${book.priceTicks(handle)}x${filled} `;
    book.reduce(handle, filled);
    left -= filled;
  }
  return fills;
}

function inOrder(book: OrderBook, side: BookSide): string {
  let text = "";
  for (let at = book.best(side); at !== NONE; at = book.next(at)) {
    text += `${book.order(at)}@${book.priceTicks(at)}x${book.quantity(at)} `;
  }
  return text;
}

test.each([
  { flow: "wide prices", prices: 2_000, commands: 20_000, live: 300 },
  { flow: "many orders per price", prices: 8, commands: 20_000, live: 300 },
  { flow: "more orders than it starts with", prices: 5_000, commands: 12_000, live: 2_000 },
])(
  `the typed-array book equals the naive one: $flow (SEED=${SEED})`,
  ({ prices, commands, live }) => {
    const next = random(SEED);
    let fast = createOrderBook();
    const naive = createReferenceBook();
    const handles: { fast: number; naive: number }[] = [];
    for (let order = 1; order <= commands; order += 1) {
      const side = next(2) === 0 ? BUY : SELL;
      const kind = handles.length < live / 2 ? 0 : next(10);
      if (kind < 5 && naive.size < live) {
        const price = side === BUY ? 1 + next(prices) : prices + 1 + next(prices);
        const quantity = 1 + next(100);
        handles.push({
          fast: fast.add(side, price, quantity, order),
          naive: naive.add(side, price, quantity, order),
        });
      } else if (kind < 8) {
        const [pick] = handles.splice(next(handles.length), 1);
        if (pick) expect(fast.remove(pick.fast)).toBe(naive.remove(pick.naive));
      } else {
        const quantity = 1 + next(150);
        expect(take(fast, side, quantity)).toBe(take(naive, side, quantity));
      }
      if (order % 500 === 0) {
        for (const book of [BUY, SELL] as const) {
          expect(fast.depth(book, 50)).toEqual(naive.depth(book, 50));
          expect(inOrder(fast, book)).toBe(inOrder(naive, book));
        }
        // A restored book goes on with the same handles.
        fast = restoreOrderBook(JSON.parse(JSON.stringify(fast.snapshot())));
      }
    }
    expect(fast.size).toBe(naive.size);
  },
);

test("a handle is stale once its order is gone, also when its slot is used again", () => {
  const book = createOrderBook();
  const first = book.add(SELL, 10, 5, 1);
  book.reduce(first, 5);
  const second = book.add(SELL, 10, 5, 2);
  expect(second).not.toBe(first);
  expect(book.remove(first)).toBe(false);
  expect(() => book.reduce(first, 1)).toThrow(RangeError);
  expect(book.order(book.best(SELL))).toBe(2);
});

test("the last order of the best price leaves no phantom level behind", () => {
  const book = createOrderBook();
  const best = book.add(SELL, 10, 5, 1);
  book.add(SELL, 12, 7, 2);
  book.remove(best);
  expect(book.bestPriceTicks(SELL)).toBe(12);
  expect(book.depth(SELL, 10)).toEqual([{ priceTicks: 12, quantity: 7, orders: 1 }]);
});
