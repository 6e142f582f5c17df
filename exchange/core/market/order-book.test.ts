import { describe, expect, test } from "vitest";
import { bookText } from "./book-text.fixture.ts";
import { orderBookCases } from "./order-book.cases.ts";
import { createOrderBook, ORDERS_PER_BOOK_MAX, restoreOrderBook } from "./order-book.ts";
import { type BookSnapshot, BUY, SELL } from "./order-book-port.ts";
import { lastHandleOf, slotOf } from "./order-handle.ts";
import { typicalBugCases } from "./typical-bugs.cases.ts";

describe("the typed-array book", () => {
  orderBookCases({ create: createOrderBook, restore: restoreOrderBook });
  typicalBugCases({ create: createOrderBook, restore: restoreOrderBook });

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
    const last = lastHandleOf(slotOf(first));
    const worn = restoreOrderBook({ ...book.snapshot(), slotHandle: [0, last] });
    expect(worn.best(SELL)).toBe(last);
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
    const whole = createOrderBook().snapshot();
    const { nextSlot: _, ...cut } = whole;
    const cases: [BookSnapshot, RegExp][] = [
      [cut, /no list "nextSlot"/],
      [{ ...whole, levelHead: [] }, /0 rows of "levelHead", expected 1/],
      [{ ...whole, slotsUsed: ORDERS_PER_BOOK_MAX + 2 }, /slots/],
      [{ ...whole, levelsUsed: ORDERS_PER_BOOK_MAX + 2 }, /levels/],
      [{ ...whole, levelsUsed: undefined }, /levels/],
    ];
    for (const [snapshot, message] of cases) {
      expect(() => restoreOrderBook(snapshot)).toThrow(message);
    }
  });

  test("prices whose levels share a place in the quick look-up do not mix", () => {
    const book = createOrderBook();
    const prices = [5, 4_101, 8_197, 4_101, 5, 8_197];
    const handles = prices.map((price, order) => book.add(BUY, price, 1, order));
    expect(bookText(book).bids).toBe("8197: #2x1 #5x1 | 4101: #1x1 #3x1 | 5: #0x1 #4x1");
    for (const order of [5, 2]) book.remove(handles[order] as number);
    book.add(BUY, 4_101, 1, 6);
    book.add(BUY, 8_197, 1, 7);
    expect(bookText(book).bids).toBe("8197: #7x1 | 4101: #1x1 #3x1 #6x1 | 5: #0x1 #4x1");
  });
});
