/** Mass quotes: which asks stay, which keep their place, and that a set is taken whole or not at all. */
import { describe, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { createScriptMarket, quote } from "./order-script.fixture.ts";
import { QUOTES_PER_SET_MAX } from "./quote-checks.ts";

interface QuoteCase {
  name: string;
  before: string[];
  quotes: string;
  answer: object;
  book: string;
}

const QUOTES: QuoteCase[] = [
  {
    name: "unchanged quotes keep their place and number",
    before: ["S sell 5 at 100", "R sell 5 at 100", "S sell 3 at 101", "R sell 3 at 101"],
    quotes: "100x5 101x3",
    answer: { orders: [1, 3], kept: 2, placed: 0, cancelled: 0 },
    book: "/ 100: #1x5 #2x5 | 101: #3x3 #4x3",
  },
  {
    name: "a quote that shrinks keeps its place, one that grows goes to the back",
    before: ["S sell 5 at 100", "R sell 5 at 100", "S sell 3 at 101", "R sell 3 at 101"],
    quotes: "100x2 101x4",
    answer: { orders: [1, 5], kept: 1, placed: 1, cancelled: 1 },
    book: "/ 100: #1x2 #2x5 | 101: #4x3 #5x4",
  },
  {
    name: "another price is another order; the old one ends",
    before: ["S sell 5 at 100", "R sell 5 at 102"],
    quotes: "102x5",
    answer: { orders: [3], kept: 0, placed: 1, cancelled: 1 },
    book: "/ 102: #2x5 #3x5",
  },
  {
    name: "of two equal asks the older serves the first of two equal quotes",
    before: ["S sell 5 at 100", "S sell 5 at 100"],
    quotes: "100x5",
    answer: { orders: [1], kept: 1, placed: 0, cancelled: 1 },
    book: "/ 100: #1x5",
  },
  {
    name: "an exact match is not made smaller for another quote",
    before: ["S sell 5 at 100", "S sell 3 at 100"],
    quotes: "100x2 100x5",
    answer: { orders: [2, 1], kept: 2, placed: 0, cancelled: 0 },
    book: "/ 100: #1x5 #2x2",
  },
  {
    name: "what is filled of an ask does not count: its rest is compared",
    before: ["S sell 5 at 100", "X buy 2 at 100"],
    quotes: "100x3",
    answer: { orders: [1], kept: 1, placed: 0, cancelled: 0 },
    book: "/ 100: #1x3",
  },
  {
    name: "no quotes at all: every ask ends",
    before: ["S sell 5 at 100", "S sell 3 at 101", "R sell 1 at 102"],
    quotes: "",
    answer: { orders: [], kept: 0, placed: 0, cancelled: 2 },
    book: "/ 102: #3x1",
  },
  {
    name: "quotes below a bid take it, at its price",
    before: ["X buy 4 at 105", "S sell 5 at 110"],
    quotes: "100x3 101x3",
    answer: { orders: [3, 4], kept: 0, placed: 2, cancelled: 1 },
    book: "/ 101: #4x2",
  },
  {
    name: "stop orders and bids of the supplier are no quotes",
    before: ["S sell 5 at 90 stop 91", "S buy 1 at 50", "S sell 5 at 100"],
    quotes: "100x6",
    answer: { orders: [4], kept: 0, placed: 1, cancelled: 1 },
    book: "50: #2x1 / 100: #4x6",
  },
];

describe("mass quotes", () => {
  test.each(QUOTES)("$name", ({ before, quotes, answer, book }) => {
    const market = createScriptMarket();
    market.playAll(before);
    expect(quote(market, quotes)).toMatchObject({ ok: true, result: answer });
    expect(market.book()).toBe(book);
  });

  test("a set that the bond cannot carry changes nothing, one that its old asks make room for does", () => {
    const market = createScriptMarket({}, { S: 400n });
    market.play("S sell 5 at 100");
    expect(quote(market, "100x3 101x3")).toMatchObject({
      rejection: { code: "insufficient-bond" },
      events: [],
    });
    expect(market.book()).toBe("/ 100: #1x5");
    expect(quote(market, "125x4")).toMatchObject({ ok: true });
    expect(market.free(`${market.accountOf("S")}:bond`)).toBe(0n);
  });

  test("Units of asks that go are sold again before new ones are issued", () => {
    const market = createScriptMarket();
    market.play("S sell 5 at 100");
    quote(market, "101x4 102x3");
    expect(market.balance(`${market.accountOf("S")}/${SYMBOL}:issued`)).toBe(70_000n);
  });

  test("quotes are refused whole: one bad, too many, in Auto Mode, or without a link", () => {
    const market = createScriptMarket();
    const easy = market.account("auto", 1_000n, "easy");
    const many = Array(QUOTES_PER_SET_MAX + 1)
      .fill("100x1")
      .join(" ");
    expect(quote(market, "100x5 0x5")).toMatchObject({ rejection: { code: "invalid-price" } });
    expect(quote(market, "100x5 100x0")).toMatchObject({ rejection: { code: "invalid-quantity" } });
    expect(quote(market, many)).toMatchObject({ rejection: { code: "invalid-order" } });
    const quotes = [{ priceTicks: 100, quantity: 1 }];
    expect(
      market.tryTo({ type: "replace-quotes", account: easy, symbol: SYMBOL, quotes }),
    ).toMatchObject({ rejection: { code: "auto-mode-trading-restricted" } });
    market.play("unlink S");
    expect(quote(market, "100x5")).toMatchObject({ rejection: { code: "capacity-exceeded" } });
    expect(quote(market, "")).toMatchObject({ ok: true });
  });
});
