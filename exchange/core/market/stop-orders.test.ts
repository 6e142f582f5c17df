/** Stop orders and reduce_only, as tables of text: what triggers them, in which order, what they hold. */
import { describe, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { restoreCore } from "#exchange/core/core.ts";
import { createScriptMarket } from "./order-script.fixture.ts";
import { TRIGGERED_PER_TURN_MAX } from "./triggering.ts";

const MANY_ORDERS = { openOrdersPerAccountMax: 1_000, safety: undefined };

interface Case {
  name: string;
  play: string[];
  happens: string[];
  book: string;
}

/** A trade at a price, between two that do nothing else. */
const tradeAt = (ticks: number) => [`Q sell 1 at ${ticks}`, `Z buy 1 at ${ticks}`];

const STOPS: Case[] = [
  {
    name: "a buy stop waits outside the book",
    play: ["X buy 2 stop 105", ...tradeAt(104)],
    happens: ["#3 takes 1 of #2 at 104"],
    book: "/",
  },
  {
    name: "a trade at its price lets a buy stop in, which takes as a market order does",
    play: ["S sell 5 at 106", "X buy 2 stop 105", ...tradeAt(105)],
    happens: ["#4 takes 1 of #3 at 105", "105 triggers #2", "#2 takes 2 of #1 at 106"],
    book: "/ 106: #1x3",
  },
  {
    name: "a trade beyond its price does too",
    play: ["S sell 5 at 106", "X buy 2 stop 103", "Z buy 1 at 106"],
    happens: ["#3 takes 1 of #1 at 106", "106 triggers #2", "#2 takes 2 of #1 at 106"],
    book: "/ 106: #1x2",
  },
  {
    name: "a sell stop is let in by a trade at its price or below",
    play: ["X buy 5 at 94", "S sell 2 stop 95", ...tradeAt(95)],
    happens: ["#4 takes 1 of #3 at 95", "95 triggers #2", "#2 takes 2 of #1 at 94"],
    book: "94: #1x3 /",
  },
  {
    name: "a stop order's protection price is counted from its stop price",
    play: ["S sell 5 at 116", "X buy 2 stop 105", ...tradeAt(105)],
    happens: ["#4 takes 1 of #3 at 105", "105 triggers #2", "#2 ends: no_fill_max_slippage"],
    book: "/ 116: #1x5",
  },
  {
    name: "a tighter max_slippage holds for a stop order",
    play: ["S sell 5 at 107", "X buy 2 stop 105 slip 100", ...tradeAt(105)],
    happens: ["#4 takes 1 of #3 at 105", "105 triggers #2", "#2 ends: no_fill_max_slippage"],
    book: "/ 107: #1x5",
  },
  {
    name: "a stop_limit rests at its limit once it is let in",
    play: ["S sell 1 at 106", "X buy 3 at 107 stop 105", ...tradeAt(105)],
    happens: ["#4 takes 1 of #3 at 105", "105 triggers #2", "#2 takes 1 of #1 at 106"],
    book: "107: #2x2 /",
  },
  {
    name: "a stop_limit ioc ends with what it could not take",
    play: ["S sell 1 at 106", "X buy 3 at 107 stop 105 ioc", ...tradeAt(105)],
    happens: [
      "#4 takes 1 of #3 at 105",
      "105 triggers #2",
      "#2 takes 1 of #1 at 106",
      "#2 ends: partially_filled_no_liquidity",
    ],
    book: "/",
  },
  {
    name: "of several buy stops the lowest price comes first, then the oldest",
    play: [
      "S sell 1 at 104",
      "S sell 9 at 106",
      "X buy 1 at 106 stop 106",
      "Y buy 1 at 106 stop 105",
      "X buy 1 at 106 stop 105",
      "Z buy 2 at 106",
    ],
    happens: [
      "#6 takes 1 of #1 at 104",
      "#6 takes 1 of #2 at 106",
      "106 triggers #4 #5 #3",
      "#4 takes 1 of #2 at 106",
      "#5 takes 1 of #2 at 106",
      "#3 takes 1 of #2 at 106",
    ],
    book: "/ 106: #2x5",
  },
  {
    name: "of several sell stops the highest price comes first",
    play: ["X buy 9 at 90", "S sell 1 at 90 stop 91", "R sell 1 at 90 stop 92", "Q sell 1 at 90"],
    happens: [
      "#4 takes 1 of #1 at 90",
      "90 triggers #3 #2",
      "#3 takes 1 of #1 at 90",
      "#2 takes 1 of #1 at 90",
    ],
    book: "90: #1x6 /",
  },
  {
    name: "a price touched within a sweep triggers, whatever the last one is",
    play: [
      "S sell 1 at 100",
      "S sell 1 at 104",
      "X buy 3 at 99",
      "R sell 1 at 99 stop 100",
      "Z buy 2 at 104",
    ],
    happens: [
      "#5 takes 1 of #1 at 100",
      "#5 takes 1 of #2 at 104",
      "100 triggers #4",
      "#4 takes 1 of #3 at 99",
    ],
    book: "99: #3x2 /",
  },
  {
    name: "what a stop order trades may trigger the next, which goes behind those before it",
    play: [
      "S sell 2 at 101",
      "S sell 2 at 103",
      "S sell 9 at 104",
      "X buy 2 at 103 stop 101",
      "Y buy 1 at 104 stop 103",
      "X buy 1 at 104 stop 101",
      "Z buy 1 at 101",
    ],
    happens: [
      "#7 takes 1 of #1 at 101",
      "101 triggers #4 #6",
      "#4 takes 1 of #1 at 101",
      "#4 takes 1 of #2 at 103",
      "103 triggers #5",
      "#6 takes 1 of #2 at 103",
      "#5 takes 1 of #3 at 104",
    ],
    book: "/ 104: #3x8",
  },
  {
    name: "a stop price that the last trade has reached lets the order in at once",
    play: ["S sell 5 at 106", ...tradeAt(105), "X buy 2 stop 104"],
    happens: ["#3 takes 1 of #2 at 105", "105 triggers #4", "#4 takes 2 of #1 at 106"],
    book: "/ 106: #1x3",
  },
  {
    name: "a stop order that waits is cancelled and expires like any other",
    play: ["X buy 2 stop 105", "Y buy 2 stop 105 until 1000", "cancel 1", "wait 1000"],
    happens: ["#1 ends: cancelled", "#2 ends: expired"],
    book: "/",
  },
  {
    name: "a sell stop let in while its supplier is away comes to the market with it",
    play: ["X buy 5 at 94", "S sell 2 at 94 stop 95", "unlink S", ...tradeAt(95), "link S"],
    happens: ["#4 takes 1 of #3 at 95", "95 triggers #2"],
    book: "94: #1x3 /",
  },
  {
    name: "a stop order meets its owner's as any other does",
    play: ["X buy 5 at 94", "S sell 1 at 96", "S buy 2 stop 95", ...tradeAt(95)],
    happens: ["#5 takes 1 of #4 at 95", "95 triggers #3", "#3 ends: self_trade_prevented"],
    book: "94: #1x5 / 96: #2x1",
  },
  {
    name: "what contradicts itself is refused",
    play: [
      "X buy 2 stop 0",
      "X buy 2 at 100 stop 105 post",
      "X buy 2 stop 105 reduce",
      "X buy 2 at 100 reduce",
    ],
    happens: [
      "refused: invalid-price",
      "refused: invalid-order",
      "refused: invalid-order",
      "refused: invalid-order",
    ],
    book: "/",
  },
];

const ISSUED: string[] = ["S sell 10 at 500", "cancel 1"];

const REDUCE_ONLY: Case[] = [
  {
    name: "reduce_only sells what is free and no more",
    play: [...ISSUED, "S sell 15 at 100 reduce"],
    happens: ["#1 ends: cancelled"],
    book: "/ 100: #2x10",
  },
  {
    name: "reduce_only leaves what other asks hold",
    play: [...ISSUED, "S sell 7 at 100", "S sell 15 at 101 reduce"],
    happens: ["#1 ends: cancelled"],
    book: "/ 100: #2x7 | 101: #3x3",
  },
  {
    name: "reduce_only with nothing free is refused",
    play: [...ISSUED, "S sell 10 at 100", "S sell 1 at 101 reduce", "R sell 1 at 101 reduce"],
    happens: ["#1 ends: cancelled", "refused: insufficient-units", "refused: insufficient-units"],
    book: "/ 100: #2x10",
  },
  {
    name: "a market order may be reduce_only",
    play: [...ISSUED, "X buy 20 at 100", "S sell 15 market reduce ioc"],
    happens: ["#1 ends: cancelled", "#3 takes 10 of #2 at 100"],
    book: "100: #2x10 /",
  },
];

describe.each([
  { of: "stop orders", cases: STOPS },
  { of: "reduce_only", cases: REDUCE_ONLY },
])("$of", ({ cases }) => {
  test.each(cases)("$name", ({ play, happens, book }) => {
    const market = createScriptMarket();
    expect(market.playAll(play)).toEqual(happens);
    expect(market.book()).toBe(book);
  });
});

test("a stop order holds its funds from its acceptance on, and gives back what a better price saved", () => {
  const market = createScriptMarket({}, { X: 300n });
  expect(market.play("X buy 3 stop 100")).toEqual(["refused: insufficient-balance"]);
  market.play("X buy 2 stop 100");
  // 2 at 110, the protection price, and 1 % of fee.
  expect(market.free(`${market.accountOf("X")}:avail`)).toBe(300n - 220n - 3n);
  market.playAll(["S sell 5 at 101", ...tradeAt(100)]);
  expect(market.free(`${market.accountOf("X")}:avail`)).toBe(300n - 202n - 3n);
});

test("a sell stop holds its Units and its bond while it waits", () => {
  const market = createScriptMarket();
  market.play("S sell 5 at 90 stop 95");
  const { ledger } = market.state;
  expect(ledger.holdAmount("ask1")).toBe(50_000n);
  expect(ledger.holdAmount("ask1:margin")).toBe(360n);
});

test("cover's fills trigger nothing", () => {
  const market = createScriptMarket();
  const buyer = market.account("auto", 1_000_000n, "easy");
  market.keyOf(buyer);
  market.playAll(["S sell 5 at 100", "R sell 5 at 106"]);
  market.run({ type: "fund-exchange", fund: "cover", amountMicros: 1_000_000n, reference: "c" });
  const { delivery } = market.reserve(buyer, 5_000, 5_000);
  market.play("X buy 2 stop 106");
  market.run({ type: "retry-delivery", delivery, attempt: 1, cause: "backend-error" });
  expect(market.events.findLast(({ type }) => type === "trade")).toMatchObject({ priceTicks: 106 });
  expect(
    [...market.state.orders.values()].find((order) => order.status === "waiting"),
  ).toBeDefined();
});

test("more triggered orders than a turn lets in enter before the next command, in their order", () => {
  const market = createScriptMarket(MANY_ORDERS);
  const many = TRIGGERED_PER_TURN_MAX + 10;
  market.play(`S sell ${many + 1} at 105`);
  for (let stop = 0; stop < many; stop += 1) market.play("X buy 1 at 105 stop 105");
  market.play("Z buy 1 at 105");
  expect(market.state.triggered).toHaveLength(10);
  const restored = restoreCore(market.core.snapshot());
  expect(restored.state.triggered).toEqual(market.state.triggered);
  // The ask that is left is theirs: who comes now gets nothing.
  expect(market.play("Y buy 1 at 105 ioc").at(-1)).toMatch(/ends: no_fill_no_liquidity/);
  expect(market.state.triggered).toEqual([]);
  expect(market.state.instruments.get(SYMBOL)?.stops.size).toBe(0);
});

test("a tick says that more is waiting while triggered orders are", () => {
  const market = createScriptMarket(MANY_ORDERS);
  const many = 4 * TRIGGERED_PER_TURN_MAX;
  market.play(`S sell ${many + 1} at 105`);
  for (let stop = 0; stop < many; stop += 1) market.play("X buy 1 at 105 stop 105");
  market.play("Z buy 1 at 105");
  expect(market.run({ type: "tick" })).toEqual({ more: true });
  expect(market.run({ type: "tick" })).toEqual({ more: false });
});
