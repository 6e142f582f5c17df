/**
 * The fast book against the obvious one: seeded streams of commands, more than a million in all, the
 * same answers, trades and depth to the byte.
 */
import { describe, expect, test } from "vitest";
import { BookRunner } from "./book-commands.fixture.ts";
import { COMMAND_FLOWS, type CommandFlow, seededDraw } from "./command-flows.fixture.ts";
import { createOrderBook, restoreOrderBook } from "./order-book.ts";
import { type BookSide, NONE, type OrderBook } from "./order-book-port.ts";
import { createReferenceBook, restoreReferenceBook } from "./reference-book.ts";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
const COMPARE_EVERY = 500;

const jsonOf = <T>(value: T): T => JSON.parse(JSON.stringify(value));

/** Runs a flow over both. Returns the first commands within which they differ, or null. */
function firstDifference({ commands, ordersMax, next }: CommandFlow, fastBook: OrderBook) {
  const draw = seededDraw(SEED);
  const fast = new BookRunner(fastBook);
  const naive = new BookRunner(createReferenceBook({ ordersMax }));
  let lastOrder = 0;
  let restingMax = 0;
  for (let done = 1; done <= commands; done += 1) {
    const command = next({ draw, book: naive.book, lastOrder });
    if (command.kind === "limit") lastOrder = command.order;
    fast.run(command);
    naive.run(command);
    if (done % COMPARE_EVERY !== 0) continue;
    restingMax = Math.max(restingMax, naive.book.size);
    fast.logBook();
    naive.logBook();
    const bytes = naive.log.flush();
    if (Buffer.compare(fast.log.flush(), bytes) !== 0) return { upTo: done, command };
    if (draw(8) === 0) {
      fast.book = restoreOrderBook(jsonOf(fast.book.snapshot()));
      naive.book = restoreReferenceBook(jsonOf(naive.book.snapshot()));
    }
  }
  expect(restingMax).toBeGreaterThan(Math.min(400, ordersMax - 1));
  return null;
}

describe(`the typed-array book equals the reference book (SEED=${SEED})`, () => {
  test.each(COMMAND_FLOWS)("$flow: $commands commands, restored on the way", (flow) => {
    expect(firstDifference(flow, createOrderBook({ ordersMax: flow.ordersMax }))).toBeNull();
  });

  test("the flows have more than a million commands", () => {
    const commands = COMMAND_FLOWS.map((flow) => flow.commands);
    expect(commands.reduce((sum, each) => sum + each)).toBeGreaterThanOrEqual(1_000_000);
  });
});

/** A book that answers some calls in another way. */
function withBug(book: OrderBook, bug: Partial<OrderBook>): OrderBook {
  return new Proxy(book, {
    get(target, name: keyof OrderBook) {
      const answer = bug[name] ?? target[name];
      return typeof answer === "function" ? answer.bind(target) : answer;
    },
  });
}

test.each<[string, (book: OrderBook) => Partial<OrderBook>]>([
  [
    "a second cancel that is answered with yes",
    (book) => ({ remove: (h) => book.remove(h) || true }),
  ],
  ["an order that is left with one", (book) => ({ reduce: (h, n) => book.reduce(h, n - 1 || 1) })],
  [
    "a last comer that is served first",
    (book) => ({
      best(side) {
        let at = book.best(side);
        for (let next = at; next !== NONE; next = book.next(next)) {
          if (book.priceTicks(next) === book.priceTicks(at)) at = next;
        }
        return at;
      },
    }),
  ],
  [
    "a best level that is not shown",
    (book) => ({ depth: (s, max) => book.depth(s, max).slice(1) }),
  ],
])("finds out %s", (_bug, bugOf) => {
  const hostile = COMMAND_FLOWS.find(({ flow }) => flow === "hostile") as CommandFlow;
  const book = createOrderBook({ ordersMax: hostile.ordersMax });
  const buggy = withBug(book, bugOf(book));
  expect(firstDifference({ ...hostile, commands: 5_000 }, buggy)).not.toBeNull();
});

test(`a book restored half way ends with the bytes of one that never stopped (SEED=${SEED})`, () => {
  const draw = seededDraw(SEED);
  const steady = createOrderBook();
  let stopped = createOrderBook();
  const open: number[] = [];
  for (let order = 1; order <= 4_000; order += 1) {
    if (draw(10) < 6 || open.length === 0) {
      const [side, priceTicks, quantity] = [draw(2) as BookSide, 1 + draw(500), 1 + draw(9)];
      const handle = steady.add(side, priceTicks, quantity, order);
      expect(stopped.add(side, priceTicks, quantity, order)).toBe(handle);
      open.push(handle);
    } else {
      const [handle] = open.splice(draw(open.length), 1) as [number];
      expect(stopped.remove(handle)).toBe(steady.remove(handle));
    }
    if (order === 2_000) stopped = restoreOrderBook(jsonOf(stopped.snapshot()));
  }
  expect(JSON.stringify(stopped.snapshot())).toBe(JSON.stringify(steady.snapshot()));
});
