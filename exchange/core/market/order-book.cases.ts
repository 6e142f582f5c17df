/** The suite that every order book passes, with books as text where that reads better. */
import { describe, expect, test } from "vitest";
import { bookText, fillsOf, place, sideText } from "./book-text.fixture.ts";
import { type BookSnapshot, BUY, NONE, type OrderBook, SELL } from "./order-book-port.ts";

export interface BookUnderTest {
  create(options?: { ordersMax?: number }): OrderBook;
  restore(snapshot: BookSnapshot): OrderBook;
}

const SIDES = [BUY, SELL] as const;
const INT32_MAX = 2 ** 31 - 1;

/** As it is after a while on disk. */
const jsonOf = <T>(value: T): T => JSON.parse(JSON.stringify(value));

/** The contract of `OrderBook`. */
export function orderBookCases({ create, restore }: BookUnderTest): void {
  const bookWith = (asks: string) => {
    const book = create();
    const handles = place(book, SELL, asks);
    return { book, at: (order: number) => handles.get(order) as number };
  };

  describe("priority", () => {
    test.each([
      {
        side: SELL,
        given: "12: #1x1 | 10: #2x1 | 11: #3x1",
        best: "10: #2x1 | 11: #3x1 | 12: #1x1",
      },
      {
        side: BUY,
        given: "12: #1x1 | 10: #2x1 | 11: #3x1",
        best: "12: #1x1 | 11: #3x1 | 10: #2x1",
      },
      { side: SELL, given: "10: #1x1 | 11: #2x1 | 10: #3x1", best: "10: #1x1 #3x1 | 11: #2x1" },
      { side: BUY, given: "10: #9x1 #8x1 #7x1", best: "10: #9x1 #8x1 #7x1" },
    ] as const)(
      "best price first, then first come: side $side, $given",
      ({ side, given, best }) => {
        const book = create();
        place(book, side, given);
        expect(sideText(book, side)).toBe(best);
      },
    );

    test.each([
      [1, "10: #2x1 #3x1 #4x1"],
      [2, "10: #1x1 #3x1 #4x1"],
      [3, "10: #1x1 #2x1 #4x1"],
      [4, "10: #1x1 #2x1 #3x1"],
    ])("taking order %i out keeps the others in line", (order, asks) => {
      const { book, at } = bookWith("10: #1x1 #2x1 #3x1 #4x1");
      expect(book.remove(at(order))).toBe(true);
      expect(bookText(book)).toEqual({ bids: "", asks });
    });

    test("a smaller order keeps its place", () => {
      const { book, at } = bookWith("10: #1x5 #2x5");
      book.reduce(at(1), 4);
      expect(bookText(book).asks).toBe("10: #1x1 #2x5");
    });

    test("an order in a used slot stands at the back, not where the slot stood", () => {
      const { book, at } = bookWith("10: #1x1 #2x1 #3x1");
      book.remove(at(1));
      book.add(SELL, 10, 1, 4);
      expect(bookText(book).asks).toBe("10: #2x1 #3x1 #4x1");
    });

    test("the sides do not mix, though prices may cross", () => {
      const book = create();
      place(book, SELL, "10: #1x1");
      place(book, BUY, "12: #2x1 | 10: #3x1");
      expect(bookText(book)).toEqual({ asks: "10: #1x1", bids: "12: #2x1 | 10: #3x1" });
    });
  });

  describe("levels", () => {
    test.each(["remove", "reduce"] as const)(
      "%s of the best price's last order leaves none",
      (by) => {
        const { book, at } = bookWith("10: #1x5 | 12: #2x7");
        if (by === "remove") book.remove(at(1));
        else book.reduce(at(1), 5);
        expect(book.bestPriceTicks(SELL)).toBe(12);
        expect(book.order(book.best(SELL))).toBe(2);
        expect(bookText(book).asks).toBe("12: #2x7");
      },
    );

    test.each([1, 2, 3])("the only order of price %i leaves, and the price comes back", (order) => {
      const { book, at } = bookWith("1: #1x1 | 2: #2x1 | 3: #3x1");
      book.remove(at(order));
      expect(book.depth(SELL, 9)).toHaveLength(2);
      book.add(SELL, order, 8, 4);
      const asks = ["1: #1x1", "2: #2x1", "3: #3x1"].with(order - 1, `${order}: #4x8`);
      expect(bookText(book).asks).toBe(asks.join(" | "));
    });

    test("depth gives no more levels than asked for", () => {
      const { book } = bookWith("10: #1x5 #2x3 | 12: #3x7 | 14: #4x1");
      expect(book.depth(SELL, 0)).toEqual([]);
      expect(book.depth(SELL, 2)).toEqual([
        { priceTicks: 10, quantity: 8, orders: 2 },
        { priceTicks: 12, quantity: 7, orders: 1 },
      ]);
    });

    test("levels add up beyond 32 bits, at the highest price there is", () => {
      const { book } = bookWith(`${INT32_MAX}: #1x${INT32_MAX} #2x${INT32_MAX} #3x${INT32_MAX}`);
      expect(book.depth(SELL, 1)[0]?.quantity).toBe(3 * INT32_MAX);
    });

    test.each(SIDES)("an empty side %i has no best", (side) => {
      const book = create();
      expect(book.best(side)).toBe(NONE);
      expect(book.bestPriceTicks(side)).toBeNull();
      expect(book.depth(side, 5)).toEqual([]);
      expect(book.size).toBe(0);
    });
  });

  describe("handles", () => {
    test("a handle tells its order", () => {
      const book = create();
      const handle = book.add(BUY, 7, 3, 2 ** 40);
      expect(handle).not.toBe(NONE);
      expect(book.has(handle)).toBe(true);
      expect([book.side(handle), book.priceTicks(handle), book.quantity(handle)]).toEqual([
        BUY,
        7,
        3,
      ]);
      expect(book.order(handle)).toBe(2 ** 40);
      expect(book.next(handle)).toBe(NONE);
    });

    test.each(["remove", "reduce"] as const)(
      "is stale after %s, also when its slot is reused",
      (by) => {
        const { book, at } = bookWith("10: #1x5");
        if (by === "remove") book.remove(at(1));
        else book.reduce(at(1), 5);
        for (const reused of [false, true]) {
          if (reused) expect(book.add(SELL, 10, 5, 2)).not.toBe(at(1));
          expect(book.has(at(1))).toBe(false);
          expect(book.remove(at(1))).toBe(false);
          expect(() => book.reduce(at(1), 1)).toThrow(RangeError);
          for (const read of ["side", "priceTicks", "quantity", "order", "next"] as const) {
            expect(() => book[read](at(1))).toThrow(/stale/);
          }
        }
        expect(bookText(book).asks).toBe("10: #2x5");
      },
    );

    test.each([NONE, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 52, 7])(
      "%d was never given out",
      (handle) => {
        const { book, at } = bookWith("10: #1x5");
        for (const wrong of [handle, at(1) + 0.5, -at(1)]) {
          expect(book.has(wrong)).toBe(false);
          expect(book.remove(wrong)).toBe(false);
        }
      },
    );

    test("no handle is given out twice while one slot is used again and again", () => {
      const book = create();
      const seen = new Set<number>();
      for (let order = 1; order <= 1_000; order += 1) {
        const handle = book.add(SELL, 10, 1, order);
        expect(Number.isSafeInteger(handle)).toBe(true);
        seen.add(handle);
        book.remove(handle);
      }
      expect(seen.size).toBe(1_000);
    });
  });

  describe("refusals", () => {
    test.each([
      [0, 1],
      [-1, 1],
      [1.5, 1],
      [1, 0],
      [1, -1],
      [1, 1.5],
      [Number.NaN, 1],
      [1, Number.NaN],
      [INT32_MAX + 1, 1],
      [1, INT32_MAX + 1],
      [1, Number.POSITIVE_INFINITY],
    ])("no order at price %d with quantity %d", (priceTicks, quantity) => {
      const book = create();
      expect(() => book.add(SELL, priceTicks, quantity, 1)).toThrow(RangeError);
      expect(bookText(book)).toEqual({ bids: "", asks: "" });
    });

    test.each([0, -1, 6, 1.5, Number.NaN])("no reducing of 5 by %d", (quantity) => {
      const { book, at } = bookWith("10: #1x5");
      expect(() => book.reduce(at(1), quantity)).toThrow(RangeError);
      expect(bookText(book).asks).toBe("10: #1x5");
    });

    test("a full book takes no more, unchanged, until an order leaves", () => {
      const book = create({ ordersMax: 2 });
      place(book, SELL, "10: #1x1 | 11: #2x1");
      expect(() => book.add(SELL, 9, 1, 3)).toThrow(RangeError);
      expect(() => book.add(BUY, 5, 1, 3)).toThrow(RangeError);
      expect(bookText(book)).toEqual({ bids: "", asks: "10: #1x1 | 11: #2x1" });
      book.remove(book.best(SELL));
      book.add(SELL, 9, 1, 3);
      expect(bookText(book).asks).toBe("9: #3x1 | 11: #2x1");
    });
  });

  describe("matching over the primitives", () => {
    const asks = "10: #1x5 #2x3 | 12: #3x7";
    test.each([
      {
        limit: null,
        quantity: 4,
        fills: ["#1x4 at 10"],
        left: 0,
        after: "10: #1x1 #2x3 | 12: #3x7",
      },
      { limit: 10, quantity: 8, fills: ["#1x5 at 10", "#2x3 at 10"], left: 0, after: "12: #3x7" },
      { limit: 11, quantity: 9, fills: ["#1x5 at 10", "#2x3 at 10"], left: 1, after: "12: #3x7" },
      { limit: 9, quantity: 1, fills: [], left: 1, after: asks },
      {
        limit: null,
        quantity: 20,
        fills: ["#1x5 at 10", "#2x3 at 10", "#3x7 at 12"],
        left: 5,
        after: "",
      },
    ])("a buyer of $quantity up to $limit pays the makers' prices", (row) => {
      const { book } = bookWith(asks);
      expect(fillsOf(book, BUY, row.limit, row.quantity)).toEqual({
        fills: row.fills,
        left: row.left,
      });
      expect(bookText(book)).toEqual({ bids: "", asks: row.after });
    });

    test("a seller takes the highest bids first, down to the limit", () => {
      const book = create();
      place(book, BUY, "10: #1x5 | 9: #2x5 | 8: #3x5");
      expect(fillsOf(book, SELL, 9, 12)).toEqual({ fills: ["#1x5 at 10", "#2x5 at 9"], left: 2 });
      expect(bookText(book).bids).toBe("8: #3x5");
    });
  });

  describe("snapshots", () => {
    test("a restored book is the same, keeps its handles and gives the same new ones", () => {
      const { book, at } = bookWith("10: #1x5 #2x3 #3x2 | 12: #4x7 | 13: #5x1");
      place(book, BUY, "9: #6x1 #7x2");
      for (const order of [2, 4, 1]) book.remove(at(order));
      const restored = restore(jsonOf(book.snapshot()));
      expect(bookText(restored)).toEqual(bookText(book));
      expect(restored.order(at(3))).toBe(3);
      expect(restored.has(at(2))).toBe(false);
      for (let order = 20; order < 26; order += 1) {
        expect(restored.add(BUY, order, 1, order)).toBe(book.add(BUY, order, 1, order));
      }
      expect(restored.snapshot()).toEqual(book.snapshot());
    });

    test("a snapshot does not change with the book it was taken of, nor does restoring tie them", () => {
      const { book, at } = bookWith("10: #1x5 #2x3");
      const snapshot = book.snapshot();
      const before = jsonOf(snapshot);
      const restored = restore(snapshot);
      book.remove(at(1));
      restored.reduce(at(2), 3);
      expect(snapshot).toEqual(before);
      expect(bookText(book).asks).toBe("10: #2x3");
      expect(bookText(restored).asks).toBe("10: #1x5");
    });

    test("a restored book has the limit of the one before", () => {
      const book = create({ ordersMax: 1 });
      book.add(SELL, 10, 1, 1);
      const restored = restore(jsonOf(book.snapshot()));
      expect(() => restored.add(SELL, 10, 1, 2)).toThrow(RangeError);
    });

    test("an empty book restores empty", () => {
      expect(bookText(restore(jsonOf(create().snapshot())))).toEqual({ bids: "", asks: "" });
    });
  });
}
