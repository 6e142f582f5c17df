/** Order types, times in force and self-trade prevention, as tables of text: what happens, what the book is then. */
import { describe, expect, test } from "vitest";
import { CLOSURE_REASONS } from "./closure-reasons.ts";
import { createScriptMarket } from "./order-script.fixture.ts";

interface Case {
  name: string;
  play: string[];
  happens: string[];
  /** Bids, a stroke, asks. */
  book: string;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const TIMES_IN_FORCE: Case[] = [
  {
    name: "gtc stays for days",
    play: ["X buy 5 at 90", `wait ${3 * DAY}`],
    happens: [],
    book: "90: #1x5 /",
  },
  {
    name: "ioc takes what there is and ends",
    play: ["S sell 3 at 100", "X buy 5 at 101 ioc"],
    happens: ["#2 takes 3 of #1 at 100", "#2 ends: partially_filled_no_liquidity"],
    book: "/",
  },
  {
    name: "ioc with nothing in reach ends unfilled",
    play: ["S sell 3 at 100", "X buy 5 at 99 ioc"],
    happens: ["#2 ends: no_fill_no_liquidity"],
    book: "/ 100: #1x3",
  },
  {
    name: "fok takes all of it",
    play: ["S sell 3 at 100", "R sell 3 at 101", "X buy 5 at 101 fok"],
    happens: ["#3 takes 3 of #1 at 100", "#3 takes 2 of #2 at 101"],
    book: "/ 101: #2x1",
  },
  {
    name: "fok takes nothing when its limit holds too little",
    play: ["S sell 3 at 100", "R sell 3 at 102", "X buy 5 at 101 fok"],
    happens: ["#3 ends: no_fill_no_liquidity"],
    book: "/ 100: #1x3 | 102: #2x3",
  },
  {
    name: "a market fok takes nothing when its protection price holds too little",
    play: ["S sell 3 at 100", "R sell 3 at 200", "X buy 5 market fok"],
    happens: ["#3 ends: no_fill_max_slippage"],
    book: "/ 100: #1x3 | 200: #2x3",
  },
  {
    name: "a market order stops at its own max_slippage",
    play: ["S sell 3 at 100", "R sell 3 at 103", "X buy 5 market slip 200 ioc"],
    happens: ["#3 takes 3 of #1 at 100", "#3 ends: partially_filled_max_slippage"],
    book: "/ 103: #2x3",
  },
  {
    name: "a market order with nobody there ends unfilled",
    play: ["X buy 5 market ioc"],
    happens: ["#1 ends: no_fill_no_liquidity"],
    book: "/",
  },
  {
    name: "day stays until the millisecond before 00:00 UTC",
    play: ["X buy 5 at 90 day", `wait ${DAY - 1}`],
    happens: [],
    book: "90: #1x5 /",
  },
  {
    name: "day ends at 00:00 UTC, wherever in the day it began",
    play: [`wait ${HOUR}`, "X buy 5 at 90 day", "Y buy 1 at 90", `wait ${DAY - HOUR}`],
    happens: ["#1 ends: expired"],
    book: "90: #2x1 /",
  },
  {
    name: "gtd ends at its moment, with what it has filled",
    play: ["X buy 5 at 90 until 1000", "S sell 2 at 90", "wait 999", "wait 1"],
    happens: ["#2 takes 2 of #1 at 90", "#1 ends: expired"],
    book: "/",
  },
  {
    name: "gtd that its owner cancels does not end twice",
    play: ["X buy 5 at 90 until 1000", "cancel 1", "wait 2000"],
    happens: ["#1 ends: cancelled"],
    book: "/",
  },
  {
    name: "gtd may fill before its moment",
    play: ["X buy 5 at 90 until 1000", "S sell 5 at 90", "wait 2000"],
    happens: ["#2 takes 5 of #1 at 90"],
    book: "/",
  },
  {
    name: "an ask that expires while its supplier is away ends too",
    play: ["S sell 5 at 100 until 1000", "unlink S", "wait 1000", "link S"],
    happens: ["#1 ends: expired"],
    book: "/",
  },
  {
    name: "an order that expires as a command comes does not trade with it",
    play: ["S sell 5 at 100 until 1000", "R sell 5 at 101", "wait 999"],
    happens: [],
    book: "/ 100: #1x5 | 101: #2x5",
  },
  {
    name: "gtd needs a moment in the future",
    play: ["X buy 5 at 90 until 0", "X buy 5 at 90 until -1", "X buy 5 at 90 gtd"],
    happens: Array(3).fill("refused: invalid-order"),
    book: "/",
  },
  {
    name: "gtd does not reach beyond 90 days",
    play: [`X buy 5 at 90 until ${90 * DAY + 1}`, `X buy 5 at 90 until ${90 * DAY}`],
    happens: ["refused: invalid-order"],
    book: "90: #1x5 /",
  },
];

const SELF_TRADES: Case[] = [
  {
    name: "cancel-newest ends the one that comes, with what it took before",
    play: ["S sell 2 at 99", "R sell 3 at 100", "S sell 5 at 101", "R buy 5 at 101"],
    happens: ["#4 takes 2 of #1 at 99", "#4 ends: self_trade_prevented"],
    book: "/ 100: #2x3 | 101: #3x5",
  },
  {
    name: "cancel-oldest ends the one that rests and goes on",
    play: ["S sell 2 at 99", "R sell 3 at 100", "S sell 5 at 101", "R buy 5 at 101 oldest"],
    happens: ["#2 ends: self_trade_prevented", "#4 takes 2 of #1 at 99", "#4 takes 3 of #3 at 101"],
    book: "/ 101: #3x2",
  },
  {
    name: "cancel-oldest rests where its own orders stood in the way",
    play: ["R sell 3 at 100", "R sell 3 at 101", "R sell 3 at 103", "R buy 5 at 102 oldest"],
    happens: ["#1 ends: self_trade_prevented", "#2 ends: self_trade_prevented"],
    book: "102: #4x5 / 103: #3x3",
  },
  {
    name: "cancel-oldest leaves its own orders that it does not reach",
    play: ["S sell 5 at 100", "R sell 3 at 100", "R buy 5 at 100 oldest"],
    happens: ["#3 takes 5 of #1 at 100"],
    book: "/ 100: #2x3",
  },
  {
    name: "cancel-both ends both",
    play: ["S sell 2 at 99", "R sell 3 at 100", "R sell 3 at 101", "R buy 5 at 101 both"],
    happens: [
      "#2 ends: self_trade_prevented",
      "#4 takes 2 of #1 at 99",
      "#4 ends: self_trade_prevented",
    ],
    book: "/ 101: #3x3",
  },
  {
    name: "a fok that is killed under cancel-oldest ends none of its owner's",
    play: ["S sell 2 at 99", "R sell 3 at 100", "R buy 5 at 101 oldest fok"],
    happens: ["#3 ends: no_fill_no_liquidity"],
    book: "/ 99: #1x2 | 100: #2x3",
  },
  {
    name: "a fok under cancel-oldest fills behind its owner's",
    play: ["R sell 3 at 100", "S sell 5 at 101", "R buy 5 at 101 oldest fok"],
    happens: ["#1 ends: self_trade_prevented", "#3 takes 5 of #2 at 101"],
    book: "/",
  },
  {
    name: "post_only under cancel-oldest rests in place of its owner's",
    play: ["R sell 3 at 100", "R buy 5 at 100 oldest post"],
    happens: ["#1 ends: self_trade_prevented"],
    book: "100: #2x5 /",
  },
  {
    name: "the mode of the one that comes decides, not of the one that rests",
    play: ["R sell 3 at 100 oldest", "R buy 5 at 100"],
    happens: ["#2 ends: self_trade_prevented"],
    book: "/ 100: #1x3",
  },
];

describe.each([
  { of: "time in force", cases: TIMES_IN_FORCE },
  { of: "self-trade prevention", cases: SELF_TRADES },
])("$of", ({ cases }) => {
  test.each(cases)("$name", ({ play, happens, book }) => {
    const market = createScriptMarket();
    expect(market.playAll(play)).toEqual(happens);
    expect(market.book()).toBe(book);
  });
});

test("an order whose time is over is passed and ended, though its turn has not come", () => {
  // One due item per turn: the first order's end uses it up.
  const market = createScriptMarket({ dueItemsPerTurnMax: 1 });
  market.playAll(["Y buy 1 at 50 until 1000", "S sell 5 at 100 until 1000", "R sell 5 at 101"]);
  market.skip(1000);
  expect(market.play("X buy 7 at 101")).toEqual([
    "#1 ends: expired",
    "#2 ends: expired",
    "#4 takes 5 of #3 at 101",
  ]);
  expect(market.book()).toBe("101: #4x2 /");
});

test("Auto Mode passes an ask whose time is over, and ends it", () => {
  const market = createScriptMarket({ dueItemsPerTurnMax: 1 });
  market.playAll(["Y buy 1 at 50 until 1000", "S sell 5 at 100 until 1000", "R sell 5 at 101"]);
  const easy = market.account("auto", 1_000_000n, "easy");
  market.keyOf(easy);
  market.skip(1000);
  expect(market.reserve(easy, 5_000, 5_000).supplier).toBe(market.accountOf("R"));
  expect(market.state.orders.has(2)).toBe(false);
});

test("every word that ends an order in these tables is in the table of words", () => {
  const words = [...TIMES_IN_FORCE, ...SELF_TRADES]
    .flatMap(({ happens }) => happens)
    .flatMap((line) => /ends: (\w+)/.exec(line)?.[1] ?? []);
  for (const word of words) expect(CLOSURE_REASONS).toHaveProperty(word);
});
