import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { levelHash } from "./book-checksum.ts";
import { BookFollower } from "./book-follower.fixture.ts";
import { LevelBook } from "./level-book.ts";

const page = readFileSync(new URL("../../docs/streams.md", import.meta.url), "utf8");

/** The book of the page: [side, price, quantity, ticks, increments, hash]. */
const LEVELS = [
  ["buy", "1.2500", "2", 12_500, 200],
  ["buy", "1.2499", "0.05", 12_499, 5],
  ["sell", "1.2600", "10", 12_600, 1_000],
  ["sell", "7.0000", "2500", 70_000, 250_000],
] as const;

describe("the checksum of a book", () => {
  test("is the one that the page states, level by level and in all", () => {
    const book = new LevelBook();
    for (const [side, price, quantity, ticks, increments] of LEVELS) {
      book.change(side, ticks, increments);
      const hash = levelHash(side, ticks, increments);
      const word = side === "buy" ? 1 : 2;
      expect(page).toContain(
        `| ${price} | ${quantity} | ${word} | ${ticks} | ${increments} | ${hash} |`,
      );
    }
    expect(page).toContain(`The checksum is ${book.checksum}.`);
  });

  test("is what a client makes of decimals by itself", () => {
    const book = new LevelBook();
    for (const [side, , , ticks, increments] of LEVELS) book.change(side, ticks, increments);
    const rows = (wanted: string) =>
      LEVELS.filter(([side]) => side === wanted).map(([, price, quantity]): [string, string] => [
        price,
        quantity,
      ]);
    const follower = new BookFollower();
    follower.take("book_snapshot", {
      market_id: "any",
      sequence: 1,
      ...{ tick_size: "0.0001", lot_size: "0.01", bids: rows("buy"), asks: rows("sell") },
      checksum: book.checksum,
    });
    expect(follower.checksum()).toBe(book.checksum);
  });

  test("is 0 of an empty book, however it became empty, and the same in any order", () => {
    const [one, other] = [new LevelBook(), new LevelBook()];
    expect(one.checksum).toBe(0);
    for (const [side, , , ticks, increments] of LEVELS) one.change(side, ticks, increments);
    for (const [side, , , ticks, increments] of [...LEVELS].reverse()) {
      other.change(side, ticks, increments + 3);
      other.change(side, ticks, -3);
    }
    expect(other.checksum).toBe(one.checksum);
    for (const [side, , , ticks, increments] of LEVELS) one.change(side, ticks, -increments);
    expect(one.checksum).toBe(0);
    expect(one.size).toBe(0);
  });
});

describe("the levels of a book", () => {
  test("are told best first, and only those that are not what they were", () => {
    const book = new LevelBook();
    for (const ticks of [5, 9, 7]) book.change("buy", ticks, ticks);
    for (const ticks of [15, 11, 13]) book.change("sell", ticks, ticks);
    expect(book.levels("buy").map(([ticks]) => ticks)).toEqual([9, 7, 5]);
    expect(book.levels("sell").map(([ticks]) => ticks)).toEqual([11, 13, 15]);
    expect([book.bestTicks("buy"), book.bestTicks("sell")]).toEqual([9, 11]);
    book.takeChanges();
    book.change("buy", 9, -9);
    book.change("sell", 11, 1);
    book.change("sell", 11, -1);
    expect(book.takeChanges()).toEqual({ bids: [[9, 0]], asks: [] });
    expect(book.takeChanges()).toEqual({ bids: [], asks: [] });
  });

  test("never hold less than nothing", () => {
    expect(() => new LevelBook().change("buy", 1, -1)).toThrow(/level 1 of 0 changed by -1/);
  });
});
