/** Amendments, as tables of text: who keeps a place, who trades at once, and what is held afterwards. */
import { describe, expect, test } from "vitest";
import { createScriptMarket } from "./order-script.fixture.ts";

interface Case {
  name: string;
  play: string[];
  happens: string[];
  book: string;
}

const CASES: Case[] = [
  {
    name: "a smaller quantity keeps its place",
    play: ["X buy 5 at 90", "Y buy 5 at 90", "amend 1 qty 3"],
    happens: [],
    book: "90: #1x3 #2x5 /",
  },
  {
    name: "a larger quantity goes to the back",
    play: ["X buy 5 at 90", "Y buy 5 at 90", "amend 1 qty 6"],
    happens: [],
    book: "90: #2x5 #1x6 /",
  },
  {
    name: "another price goes to the back of that price",
    play: ["X buy 5 at 90", "Y buy 5 at 91", "amend 1 at 91"],
    happens: [],
    book: "91: #2x5 #1x5 /",
  },
  {
    name: "a smaller quantity at another price goes to the back too",
    play: ["X buy 5 at 90", "Y buy 5 at 91", "amend 1 qty 2 at 91"],
    happens: [],
    book: "91: #2x5 #1x2 /",
  },
  {
    name: "another time in force goes to the back, also with a smaller quantity",
    play: ["X buy 5 at 90", "Y buy 5 at 90", "amend 1 qty 3 until 1000", "wait 1000"],
    happens: ["#1 ends: expired"],
    book: "90: #2x5 /",
  },
  {
    name: "a gtd order that is made gtc stays",
    play: ["X buy 5 at 90 until 1000", "amend 1 gtc", "wait 2000"],
    happens: [],
    book: "90: #1x5 /",
  },
  {
    name: "a gtd order that is put off ends at its new moment",
    play: ["X buy 5 at 90 until 1000", "amend 1 until 3000", "wait 2999", "wait 1"],
    happens: ["#1 ends: expired"],
    book: "/",
  },
  {
    name: "what changes nothing keeps its place",
    play: ["X buy 5 at 90", "Y buy 5 at 90", "amend 1 qty 5 at 90"],
    happens: [],
    book: "90: #1x5 #2x5 /",
  },
  {
    name: "the quantity is the whole order's, with what is filled",
    play: ["X buy 5 at 90", "S sell 2 at 90", "amend 1 qty 4"],
    happens: ["#2 takes 2 of #1 at 90"],
    book: "90: #1x2 /",
  },
  {
    name: "a quantity that is filled already is refused",
    play: ["X buy 5 at 90", "S sell 2 at 90", "amend 1 qty 2", "amend 1 qty 1"],
    happens: ["#2 takes 2 of #1 at 90", "refused: invalid-quantity", "refused: invalid-quantity"],
    book: "90: #1x3 /",
  },
  {
    name: "a price that meets others trades at once, as the taker",
    play: ["S sell 3 at 100", "X buy 5 at 90", "amend 2 at 101"],
    happens: ["#2 takes 3 of #1 at 100"],
    book: "101: #2x2 /",
  },
  {
    name: "an ask amended down to the bids trades at their prices",
    play: ["X buy 3 at 95", "S sell 5 at 100", "amend 2 at 94"],
    happens: ["#2 takes 3 of #1 at 95"],
    book: "/ 94: #2x2",
  },
  {
    name: "post_only that would take is refused and stays as it is",
    play: ["S sell 3 at 100", "X buy 5 at 90 post", "amend 2 at 100"],
    happens: ["refused: invalid-order"],
    book: "90: #2x5 / 100: #1x3",
  },
  {
    name: "an amended order meets its owner's as a new one does",
    play: ["R sell 3 at 100", "R buy 5 at 90 oldest", "amend 2 at 100"],
    happens: ["#1 ends: self_trade_prevented"],
    book: "100: #2x5 /",
  },
  {
    name: "a stop price is amended while it waits",
    play: ["S sell 9 at 106", "X buy 2 stop 110", "amend 2 stop 105", "Z buy 1 at 106"],
    happens: ["#3 takes 1 of #1 at 106", "106 triggers #2", "#2 takes 2 of #1 at 106"],
    book: "/ 106: #1x6",
  },
  {
    name: "a stop price that is amended to where the last trade was lets the order in",
    play: ["S sell 9 at 106", "Z buy 1 at 106", "X buy 2 stop 110", "amend 3 stop 106"],
    happens: ["#2 takes 1 of #1 at 106", "106 triggers #3", "#3 takes 2 of #1 at 106"],
    book: "/ 106: #1x6",
  },
  {
    name: "a waiting order keeps its turn with a smaller quantity and loses it with a larger one",
    play: [
      "S sell 9 at 105",
      "X buy 2 at 105 stop 105",
      "Y buy 2 at 105 stop 105",
      "X buy 2 at 105 stop 105",
      "amend 2 qty 3",
      "amend 3 qty 1",
      "Z buy 1 at 105",
    ],
    happens: [
      "#5 takes 1 of #1 at 105",
      "105 triggers #3 #4 #2",
      "#3 takes 1 of #1 at 105",
      "#4 takes 2 of #1 at 105",
      "#2 takes 3 of #1 at 105",
    ],
    book: "/ 105: #1x2",
  },
  {
    name: "a stop order takes no price, and an order in the book no stop price",
    play: ["X buy 2 stop 110", "X buy 2 at 90", "amend 1 at 100", "amend 2 stop 100"],
    happens: ["refused: invalid-order", "refused: invalid-order"],
    book: "90: #2x2 /",
  },
  {
    name: "an open order does not become ioc or fok",
    play: ["X buy 2 at 90", "amend 1 ioc", "amend 1 fok"],
    happens: ["refused: invalid-order", "refused: invalid-order"],
    book: "90: #1x2 /",
  },
  {
    name: "an ask is amended while its supplier is away, and comes back as it is then",
    play: ["S sell 5 at 100", "R sell 5 at 101", "unlink S", "amend 1 at 101", "link S"],
    happens: [],
    book: "/ 101: #2x5 #1x5",
  },
  {
    name: "reduce_only grows by what is free and no more",
    play: ["S sell 10 at 500", "cancel 1", "S sell 4 at 100 reduce", "amend 2 qty 20"],
    happens: ["#1 ends: cancelled"],
    book: "/ 100: #2x10",
  },
  {
    name: "there is nothing to amend once it is over",
    play: ["X buy 2 at 90", "cancel 1", "amend 1 qty 1"],
    happens: ["#1 ends: cancelled", "refused: order-not-found"],
    book: "/",
  },
];

describe("amending", () => {
  test.each(CASES)("$name", ({ play, happens, book }) => {
    const market = createScriptMarket();
    expect(market.playAll(play)).toEqual(happens);
    expect(market.book()).toBe(book);
  });
});

test("a bid holds the difference: more for a higher price, less for a lower or smaller one", () => {
  const market = createScriptMarket({}, { X: 1_000n });
  const free = () => market.free(`${market.accountOf("X")}:avail`);
  market.play("X buy 5 at 100");
  expect(free()).toBe(1_000n - 505n);
  market.play("amend 1 at 180");
  expect(free()).toBe(1_000n - 909n);
  expect(market.play("amend 1 at 199")).toEqual(["refused: insufficient-balance"]);
  market.play("amend 1 qty 2");
  expect(free()).toBe(1_000n - 364n);
  market.play("cancel 1");
  expect(free()).toBe(1_000n);
});

test("an ask's Units and bond move with it, and its whole bond may be used", () => {
  const market = createScriptMarket({}, { S: 400n });
  const { ledger } = market.state;
  market.play("S sell 5 at 100");
  expect(ledger.free(`${market.accountOf("S")}:bond`)).toBe(0n);
  expect(market.play("amend 1 at 101")).toEqual(["refused: insufficient-bond"]);
  market.play("amend 1 qty 10 at 50");
  expect([ledger.holdAmount("ask1"), ledger.holdAmount("ask1:margin")]).toEqual([100_000n, 400n]);
  market.play("amend 1 qty 4");
  expect([ledger.holdAmount("ask1"), ledger.holdAmount("ask1:margin")]).toEqual([40_000n, 160n]);
});

test("an amended bid keeps the fee of the day it came", () => {
  const market = createScriptMarket({ takerFeeBps: 200 }, { X: 1_000n });
  market.play("X buy 5 at 100");
  market.run({ type: "adopt-policy", policy: { ...market.state.policy!, takerFeeBps: 900 } });
  market.play("amend 1 qty 6");
  expect(market.free(`${market.accountOf("X")}:avail`)).toBe(1_000n - 600n - 12n);
});
