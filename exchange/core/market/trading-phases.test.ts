/** Halts and auctions, as tables of text: what is taken, what trades, at which price. */
import { describe, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { UNCROSSED_PER_TURN_MAX } from "./auction.ts";
import { createScriptMarket, NO_SAFETY } from "./order-script.fixture.ts";
import { uncrossPrice } from "./uncross-price.ts";

interface Case {
  name: string;
  play: string[];
  happens: string[];
  book: string;
}

const HALTS: Case[] = [
  {
    name: "a halted market takes no orders, and cancels and smaller quantities all the same",
    play: [
      "X buy 5 at 90",
      "X buy 5 at 91",
      "halt",
      "X buy 1 at 90",
      "X buy 1 market ioc",
      "X buy 1 stop 100",
      "amend 1 qty 3",
      "amend 1 at 89",
      "cancel 2",
    ],
    happens: [
      "halted",
      "refused: market-closed",
      "refused: market-closed",
      "refused: market-closed",
      "refused: market-closed",
      "#2 ends: cancelled",
    ],
    book: "90: #1x3 /",
  },
  {
    name: "trading resumes through an auction, in which orders come and are not matched",
    play: [
      "halt",
      "resume 1000",
      "X buy 5 at 102",
      "S sell 4 at 100",
      "Y buy 2 at 103 post",
      "Y buy 2 at 103 ioc",
      "Y buy 2 market fok",
      "wait 999",
    ],
    happens: [
      "halted",
      "auction",
      "refused: market-closed",
      "refused: market-closed",
      "refused: market-closed",
    ],
    book: "102: #1x5 / 100: #2x4",
  },
  {
    name: "at its end everything that meets trades at one price, first come first served at each",
    play: [
      "halt",
      "resume 1000",
      "X buy 5 at 102",
      "Y buy 5 at 102",
      "S sell 4 at 100",
      "R sell 3 at 101",
      "Z buy 1 at 99",
      "wait 1000",
      "X buy 1 at 98",
    ],
    happens: [
      "halted",
      "auction",
      "uncrosses 7 at 102",
      "#3 takes 4 of #1 at 102",
      "#4 takes 1 of #1 at 102",
      "#4 takes 2 of #2 at 102",
      "active",
    ],
    book: "102: #2x3 | 99: #5x1 | 98: #6x1 /",
  },
  {
    name: "an owner's bid does not meet its own ask in an auction: the newer ends",
    play: ["halt", "resume 1000", "R buy 2 at 102", "R sell 2 at 100", "wait 1000"],
    happens: ["halted", "auction", "uncrosses 2 at 100", "#2 ends: self_trade_prevented", "active"],
    book: "102: #1x2 /",
  },
  {
    name: "what expires at the end of an auction takes no part in it",
    play: ["halt", "resume 1000", "X buy 2 at 102 until 1000", "S sell 2 at 100", "wait 1000"],
    happens: ["halted", "auction", "#1 ends: expired", "active"],
    book: "/ 100: #2x2",
  },
  {
    name: "asks that come back during a halt rest, crossed or not, until it is over",
    play: ["S sell 2 at 100", "unlink S", "X buy 2 at 105", "halt", "link S", "resume 0", "wait 0"],
    happens: ["halted", "auction", "uncrosses 2 at 100", "#2 takes 2 of #1 at 100", "active"],
    book: "/",
  },
  {
    name: "a halt ends an auction, and there is another before trading goes on",
    play: ["halt", "resume 1000", "X buy 2 at 102", "halt", "wait 5000", "resume 10", "wait 10"],
    happens: ["halted", "auction", "halted", "auction", "active"],
    book: "102: #1x2 /",
  },
  {
    name: "stop orders wait through a halt and are let in by the price of the auction",
    play: [
      "R sell 5 at 106",
      "X buy 2 at 106 stop 102",
      "halt",
      "resume 1000",
      "Y buy 4 at 102",
      "S sell 4 at 102",
      "wait 1000",
    ],
    happens: [
      "halted",
      "auction",
      "uncrosses 4 at 102",
      "#4 takes 4 of #3 at 102",
      "active",
      "102 triggers #2",
      "#2 takes 2 of #1 at 106",
    ],
    book: "/ 106: #1x3",
  },
  {
    name: "a closed market cancels every order, and is opened through an auction",
    play: [
      "X buy 5 at 90",
      "S sell 5 at 95 stop 96",
      "close",
      "wait 0",
      "X buy 1 at 90",
      "resume 0",
    ],
    happens: [
      "closed",
      "#1 ends: market_closed",
      "#2 ends: market_closed",
      "refused: market-closed",
      "auction",
    ],
    book: "/",
  },
];

describe("halts and auctions", () => {
  test.each(HALTS)("$name", ({ play, happens, book }) => {
    const market = createScriptMarket({ safety: NO_SAFETY });
    expect(market.playAll(play)).toEqual(happens);
    expect(market.book()).toBe(book);
  });
});

test("Auto Mode buys nothing while a market is not active", () => {
  const market = createScriptMarket();
  const easy = market.account("auto", 1_000_000n, "easy");
  market.playAll(["S sell 5 at 100", "halt"]);
  expect(market.tryReserve(easy, 5_000, 5_000)).toMatchObject({
    rejection: { code: "no-supplier" },
  });
  market.playAll(["resume 0", "wait 0"]);
  expect(market.tryReserve(easy, 5_000, 5_000)).toMatchObject({ ok: true });
});

test("the indicative price of an auction can be read while it lasts", () => {
  const market = createScriptMarket();
  market.playAll(["halt", "resume 1000", "X buy 5 at 102", "S sell 4 at 100"]);
  const listed = market.state.instruments.get(SYMBOL);
  if (listed === undefined) throw new Error("not listed");
  expect(uncrossPrice(listed.book, listed.lastPriceTicks)).toEqual({
    priceTicks: 102,
    quantity: 4,
  });
});

test("a large auction is uncrossed in several turns, at one price, and only then is active", () => {
  const market = createScriptMarket({ safety: undefined, openOrdersPerAccountMax: 10_000 });
  const many = UNCROSSED_PER_TURN_MAX + 20;
  market.playAll(["halt", "resume 1000", `S sell ${many} at 100`]);
  for (let order = 0; order < many; order += 1) market.play("X buy 1 at 102");
  market.skip(1_000);
  const trading = () => market.state.instruments.get(SYMBOL)?.trading;
  expect(market.run({ type: "tick" })).toEqual({ more: true });
  expect(trading()).toMatchObject({ phase: "auction", uncrossTicks: 100 });
  const restored = market.restored();
  market.advance(0);
  restored.advance(0);
  for (const each of [market.state, restored.state]) {
    expect(each.instruments.get(SYMBOL)?.trading.phase).toBe("active");
  }
});
