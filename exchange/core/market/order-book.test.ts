import { describe, expect, test } from "vitest";
import { bookText } from "./book-text.fixture.ts";
import { orderBookCases } from "./order-book.cases.ts";
import { createOrderBook, ORDERS_PER_BOOK_MAX, restoreOrderBook } from "./order-book.ts";
import { SELL } from "./order-book-port.ts";
import { GENERATION_MAX } from "./order-handle.ts";

describe("the typed-array book", () => {
  orderBookCases({ create: createOrderBook, restore: restoreOrderBook });

  test("it grows past the size it starts with, in orders and in prices", () => {
    const book = createOrderBook();
    const handles = Array.from({ length: 5_000 }, (_, n) => book.add(SELL, 5_000 - n, n + 1, n));
    expect(book.depth(SELL, 9_999)).toHaveLength(5_000);
    expect(handles.every((handle, n) => book.order(handle) === n)).toBe(true);
    const restored = restoreOrderBook(book.snapshot());
    for (const handle of handles.slice(1)) expect(restored.remove(handle)).toBe(true);
    expect(bookText(restored).asks).toBe("5000: #0x1");
  });

  test("its snapshot has rows only for places that were used", () => {
    expect(JSON.stringify(createOrderBook().snapshot()).length).toBeLessThan(500);
    const book = createOrderBook();
    for (let order = 0; order < 100; order += 1) book.remove(book.add(SELL, 10, 1, order));
    expect(JSON.stringify(book.snapshot()).length).toBeLessThan(500);
  });

  test("after the last generation of a slot comes the first, and handles stay safe", () => {
    const book = createOrderBook();
    const first = book.add(SELL, 10, 1, 1);
    const worn = restoreOrderBook({ ...book.snapshot(), generation: [0, GENERATION_MAX] });
    const last = worn.best(SELL);
    expect(last).toBeGreaterThan(2 ** 52);
    expect(Number.isSafeInteger(last)).toBe(true);
    expect(worn.remove(last)).toBe(true);
    expect(worn.add(SELL, 10, 1, 2)).toBe(first);
    expect(worn.has(last)).toBe(false);
  });

  test.each([0, -1, 1.5, Number.NaN, ORDERS_PER_BOOK_MAX + 1])(
    "no book of %d orders",
    (ordersMax) => {
      expect(() => createOrderBook({ ordersMax })).toThrow(RangeError);
    },
  );

  test("a snapshot that is cut short or too large is refused, not half read", () => {
    const { nextSlot: _, ...cut } = createOrderBook().snapshot();
    expect(() => restoreOrderBook(cut)).toThrow(/no list "nextSlot"/);
    const large = { ...createOrderBook().snapshot(), slotsUsed: ORDERS_PER_BOOK_MAX + 2 };
    expect(() => restoreOrderBook(large)).toThrow(/more places/);
  });
});
