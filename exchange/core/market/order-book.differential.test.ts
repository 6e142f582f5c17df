/** The fast book against the obvious one: one seeded stream of commands, the same trades and depth. */
import { describe, expect, test } from "vitest";
import { bookText } from "./book-text.fixture.ts";
import { matchBook } from "./matching.ts";
import { createOrderBook, restoreOrderBook } from "./order-book.ts";
import { type BookSide, BUY, type OrderBook, SELL } from "./order-book-port.ts";
import { createReferenceBook, restoreReferenceBook } from "./reference-book.ts";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
const COMPARE_EVERY = 500;

/** mulberry32: small, seeded, good enough to choose commands. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Per flow: prices apart from the middle, resting orders wanted, out of 100 cancels and takers. */
const FLOWS = [
  { flow: "wide prices", prices: 5_000, resting: 400, cancels: 35, takers: 15, commands: 30_000 },
  {
    flow: "two prices, long lines",
    prices: 2,
    resting: 800,
    cancels: 40,
    takers: 10,
    commands: 30_000,
  },
  { flow: "takers empty it", prices: 30, resting: 40, cancels: 5, takers: 45, commands: 30_000 },
  {
    flow: "outgrows its start",
    prices: 9_000,
    resting: 3_000,
    cancels: 20,
    takers: 2,
    commands: 12_000,
  },
];

interface Pair {
  fast: OrderBook;
  naive: OrderBook;
}

const both = <T>({ fast, naive }: Pair, act: (book: OrderBook, which: keyof Pair) => T): T => {
  const result = act(fast, "fast");
  expect(result).toEqual(act(naive, "naive"));
  return result;
};

function matched(book: OrderBook, side: BookSide, limit: number | null, quantity: number): string {
  let trades = "";
  const left = matchBook(book, side, limit, quantity, (order, priceTicks, filled) => {
    trades += `${order}@${priceTicks}x${filled} `;
  });
  return `${trades}left ${left}`;
}

describe(`the typed-array book equals the reference book (SEED=${SEED})`, () => {
  test.each(FLOWS)("$flow, restored on the way", (flow) => {
    const next = random(SEED);
    let pair: Pair = { fast: createOrderBook(), naive: createReferenceBook() };
    const open: Record<keyof Pair, number>[] = [];
    for (let command = 1; command <= flow.commands; command += 1) {
      const side = next(2) === 0 ? BUY : SELL;
      const priceTicks =
        flow.prices + next(flow.prices) * (side === BUY ? -1 : 1) + (side === BUY ? 0 : 1);
      const quantity = 1 + next(100);
      const draw = next(100);
      if (draw < flow.cancels && open.length > 0) {
        // Cancels what may be filled long since: a stale handle, whose slot others use.
        const [handles] = open.splice(next(open.length), 1) as [Record<keyof Pair, number>];
        both(pair, (book, which) => book.remove(handles[which]));
      } else if (draw < flow.cancels + flow.takers || pair.naive.size >= flow.resting) {
        const limit = next(3) === 0 ? null : flow.prices + next(3) - 1;
        both(pair, (book) => matched(book, side, limit, quantity * 2));
      } else if (draw > 95 && open.length > 0) {
        const handles = open[next(open.length)] as Record<keyof Pair, number>;
        if (both(pair, (book, which) => book.has(handles[which]))) {
          both(pair, (book, which) =>
            book.reduce(handles[which], Math.min(quantity, book.quantity(handles[which]))),
          );
        }
      } else {
        open.push({
          fast: pair.fast.add(side, priceTicks, quantity, command),
          naive: pair.naive.add(side, priceTicks, quantity, command),
        });
      }
      if (command % COMPARE_EVERY === 0) {
        both(pair, bookText);
        if (next(4) === 0) {
          pair = {
            fast: restoreOrderBook(JSON.parse(JSON.stringify(pair.fast.snapshot()))),
            naive: restoreReferenceBook(pair.naive.snapshot()),
          };
        }
      }
    }
    both(pair, bookText);
  });

  test("a book restored half way ends with the bytes of one that never stopped", () => {
    const next = random(SEED);
    const steady = createOrderBook();
    let stopped = createOrderBook();
    const open: number[] = [];
    for (let order = 1; order <= 4_000; order += 1) {
      if (next(10) < 6 || open.length === 0) {
        const [side, priceTicks, quantity] = [next(2) as BookSide, 1 + next(500), 1 + next(9)];
        const handle = steady.add(side, priceTicks, quantity, order);
        expect(stopped.add(side, priceTicks, quantity, order)).toBe(handle);
        open.push(handle);
      } else {
        const [handle] = open.splice(next(open.length), 1) as [number];
        expect(stopped.remove(handle)).toBe(steady.remove(handle));
      }
      if (order === 2_000)
        stopped = restoreOrderBook(JSON.parse(JSON.stringify(stopped.snapshot())));
    }
    expect(JSON.stringify(stopped.snapshot())).toBe(JSON.stringify(steady.snapshot()));
  });
});
