/**
 * Bugs that order books are known for, one case each: what a survey of 87 faulty public books found
 * most often (`flash1-dev/matching-engine-benchmark`, arXiv:2606.01183).
 */
import { describe, expect, test } from "vitest";
import { bookText, fillsOf, place } from "./book-text.fixture.ts";
import type { BookUnderTest } from "./order-book.cases.ts";
import { BUY, NONE, SELL } from "./order-book-port.ts";

export function typicalBugCases({ create }: BookUnderTest): void {
  const bookWith = (asks: string) => {
    const book = create();
    const handles = place(book, SELL, asks);
    return { book, at: (order: number) => handles.get(order) as number };
  };

  describe("typical bugs", () => {
    test("a trade is at the maker's price, not at the taker's better limit", () => {
      const { book } = bookWith("10: #1x5");
      expect(fillsOf(book, BUY, 99, 5).fills).toEqual(["#1x5 at 10"]);
      place(book, BUY, "10: #2x5");
      expect(fillsOf(book, SELL, 1, 5).fills).toEqual(["#2x5 at 10"]);
    });

    test("a cancel in the middle does not move the last order into the gap", () => {
      const { book, at } = bookWith("10: #1x1 #2x1 #3x1 #4x1 #5x1");
      book.remove(at(2));
      const { fills } = fillsOf(book, BUY, null, 4);
      expect(fills).toEqual(["#1x1 at 10", "#3x1 at 10", "#4x1 at 10", "#5x1 at 10"]);
    });

    test("a maker filled in part stays first in line", () => {
      const { book } = bookWith("10: #1x5 #2x5");
      fillsOf(book, BUY, null, 2);
      expect(fillsOf(book, BUY, null, 4).fills).toEqual(["#1x3 at 10", "#2x1 at 10"]);
    });

    test("what an immediate order does not get, does not rest", () => {
      const { book } = bookWith("10: #1x5 | 12: #2x5");
      expect(fillsOf(book, BUY, 11, 8)).toEqual({ fills: ["#1x5 at 10"], left: 3 });
      expect(bookText(book)).toEqual({ bids: "", asks: "12: #2x5" });
    });

    test.each(["remove", "reduce", "fill"] as const)(
      "after the last order of a price leaves by %s there is no level of it, and the next is best",
      (by) => {
        const { book, at } = bookWith("10: #1x5 | 12: #2x5 | 13: #3x5");
        if (by === "remove") book.remove(at(1));
        else if (by === "reduce") book.reduce(at(1), 5);
        else fillsOf(book, BUY, 10, 5);
        expect(book.depth(SELL, 9).map(({ priceTicks }) => priceTicks)).toEqual([12, 13]);
        expect(book.bestPriceTicks(SELL)).toBe(12);
        expect(fillsOf(book, BUY, 11, 1)).toEqual({ fills: [], left: 1 });
      },
    );

    test("a better price becomes the best at once, and gives it back when it leaves", () => {
      const { book } = bookWith("10: #1x5");
      const better = book.add(SELL, 9, 1, 2);
      expect(book.best(SELL)).toBe(better);
      book.remove(better);
      expect(book.bestPriceTicks(SELL)).toBe(10);
      book.remove(book.best(SELL));
      expect([book.bestPriceTicks(SELL), book.best(SELL)]).toEqual([null, NONE]);
    });

    test("two orders of one number are two orders, each with its own handle", () => {
      const { book } = bookWith("11: #7x3");
      const first = book.add(SELL, 10, 5, 7);
      const second = book.add(SELL, 10, 4, 7);
      expect(book.remove(first)).toBe(true);
      expect(bookText(book).asks).toBe("10: #7x4 | 11: #7x3");
      expect([book.has(first), book.quantity(second)]).toEqual([false, 4]);
    });

    test("a filled order can be neither cancelled nor made smaller", () => {
      const { book, at } = bookWith("10: #1x5 #2x5");
      fillsOf(book, BUY, null, 5);
      expect(book.remove(at(1))).toBe(false);
      expect(() => book.reduce(at(1), 1)).toThrow(RangeError);
      expect(bookText(book).asks).toBe("10: #2x5");
    });
  });
}
