/** Price bands, protection in thin books, breakers and limits, as tables of text. */
import { describe, expect, test } from "vitest";
import {
  createTestMarket,
  DOLLAR,
  instruments,
  quietSla,
  SYMBOL,
  UNIT,
} from "#exchange/core/core.fixture.ts";
import { createScriptMarket, NO_SAFETY } from "./order-script.fixture.ts";
import type { SafetyPolicy } from "./safety-policy.ts";

interface Case {
  name: string;
  safety?: Partial<SafetyPolicy>;
  play: string[];
  happens: string[];
  book: string;
}

/** Five fills at 100: from now on there is a reference price. */
const FIVE_FILLS = ["S sell 5 at 100", ...Array(5).fill("X buy 1 at 100")];
const FIVE_TRADES = [2, 3, 4, 5, 6].map((order) => `#${order} takes 1 of #1 at 100`);

const BANDS: Case[] = [
  {
    name: "no band before there is a reference price",
    safety: { bandBps: 1_000, bandThinBps: 1_000 },
    play: ["X buy 1 at 10000", "S sell 1 at 10001"],
    happens: [],
    book: "10000: #1x1 / 10001: #2x1",
  },
  {
    name: "buys above the band and sales below it are refused, its edges are not",
    safety: { bandBps: 1_000, bandThinBps: 1_000 },
    play: [
      ...FIVE_FILLS,
      "Y buy 1 at 111",
      "R sell 1 at 89",
      "Y buy 1 at 110",
      "R sell 1 at 90 post",
      "cancel 7",
      "R sell 1 at 90",
      "Y buy 1 at 1",
      "R sell 1 at 9000",
    ],
    happens: [
      ...FIVE_TRADES,
      ...["refused: invalid-price", "refused: invalid-price", "refused: invalid-order"],
      "#7 ends: cancelled",
    ],
    book: "1: #9x1 / 90: #8x1 | 9000: #10x1",
  },
  {
    name: "a thin book has a wider band",
    safety: { bandBps: 1_000, bandThinBps: 3_000, thinOwnersMin: 3 },
    play: [
      ...FIVE_FILLS,
      "X buy 1 at 130",
      "X buy 1 at 131",
      "Y buy 1 at 50",
      "Z buy 1 at 50",
      "Y buy 1 at 130",
    ],
    happens: [...FIVE_TRADES, "refused: invalid-price", "refused: invalid-price"],
    book: "130: #7x1 | 50: #8x1 #9x1 /",
  },
  {
    name: "an amendment to another price stays within the band",
    safety: { bandBps: 1_000, bandThinBps: 1_000 },
    play: [...FIVE_FILLS, "Y buy 2 at 100", "amend 7 at 111", "amend 7 at 109"],
    happens: [...FIVE_TRADES, "refused: invalid-price"],
    book: "109: #7x2 /",
  },
  {
    name: "a market order trades no further than the band",
    safety: { bandBps: 300, bandThinBps: 300 },
    play: [...FIVE_FILLS, "S sell 1 at 103", "R sell 1 at 104", "Y buy 2 market ioc"],
    happens: [...FIVE_TRADES, "#9 takes 1 of #7 at 103", "#9 ends: partially_filled_max_slippage"],
    book: "/ 104: #8x1",
  },
  {
    name: "in a thin book a market order has a narrower protection price",
    safety: { thinOwnersMin: 3, marketProtectionThinBps: 200 },
    play: ["S sell 1 at 100", "R sell 1 at 103", "Y buy 2 market ioc"],
    happens: ["#3 takes 1 of #1 at 100", "#3 ends: partially_filled_max_slippage"],
    book: "/ 103: #2x1",
  },
  {
    name: "with a third owner it has not",
    safety: { thinOwnersMin: 3, marketProtectionThinBps: 200 },
    play: ["S sell 1 at 100", "R sell 1 at 103", "Z buy 1 at 50", "Y buy 2 market ioc"],
    happens: ["#4 takes 1 of #1 at 100", "#4 takes 1 of #2 at 103"],
    book: "50: #3x1 /",
  },
];

const BREAKERS: Case[] = [
  {
    name: "a price that moves further than a breaker allows leads into an auction",
    safety: { breakers: [{ withinMs: 60_000, moveBps: 500 }] },
    play: [...FIVE_FILLS, "R sell 2 at 106", "Y buy 1 at 106", "Y buy 1 at 106", "wait 2000"],
    happens: [
      ...FIVE_TRADES,
      "#8 takes 1 of #7 at 106",
      "auction",
      "uncrosses 1 at 106",
      "#9 takes 1 of #7 at 106",
      "active",
    ],
    book: "/",
  },
  {
    name: "a move as large as it allows does not",
    safety: { breakers: [{ withinMs: 60_000, moveBps: 500 }] },
    play: [...FIVE_FILLS, "R sell 2 at 105", "Y buy 1 at 105"],
    happens: [...FIVE_TRADES, "#8 takes 1 of #7 at 105"],
    book: "/ 105: #7x1",
  },
  {
    name: "a slow move does not either, but a longer breaker sees it",
    safety: {
      breakers: [
        { withinMs: 60_000, moveBps: 500 },
        { withinMs: 3_600_000, moveBps: 900 },
      ],
    },
    play: [
      ...FIVE_FILLS,
      "wait 180000",
      "R sell 3 at 106",
      "Y buy 1 at 106",
      "wait 180000",
      "cancel 7",
      "R sell 3 at 110",
      "Y buy 1 at 110",
    ],
    happens: [
      ...FIVE_TRADES,
      "#8 takes 1 of #7 at 106",
      "#7 ends: cancelled",
      "#10 takes 1 of #9 at 110",
      "auction",
    ],
    book: "/ 110: #9x2",
  },
  {
    name: "a fall is a move too, and what the seller has left rests in the auction",
    safety: { breakers: [{ withinMs: 60_000, moveBps: 500 }] },
    play: [...FIVE_FILLS, "Y buy 1 at 94", "S sell 3 at 94"],
    happens: [...FIVE_TRADES, "#8 takes 1 of #7 at 94", "auction"],
    book: "/ 94: #8x2",
  },
  {
    name: "after an auction moves are measured from its price",
    safety: { breakers: [{ withinMs: 60_000, moveBps: 500 }] },
    play: [
      ...FIVE_FILLS,
      "R sell 9 at 106",
      "Y buy 1 at 106",
      "Y buy 1 at 106",
      "wait 2000",
      "Y buy 1 at 106",
      "R sell 1 at 110",
      "Y buy 8 at 110",
    ],
    happens: [
      ...FIVE_TRADES,
      "#8 takes 1 of #7 at 106",
      "auction",
      "uncrosses 1 at 106",
      "#9 takes 1 of #7 at 106",
      "active",
      "#10 takes 1 of #7 at 106",
      "#12 takes 6 of #7 at 106",
      "#12 takes 1 of #11 at 110",
    ],
    book: "110: #12x1 /",
  },
  {
    name: "without five fills there is nothing to measure by",
    safety: { breakers: [{ withinMs: 60_000, moveBps: 500 }] },
    play: ["S sell 1 at 100", "R sell 1 at 150", "Y buy 2 at 150"],
    happens: ["#3 takes 1 of #1 at 100", "#3 takes 1 of #2 at 150"],
    book: "/",
  },
  {
    name: "stop orders that a breaker finds triggered enter after the auction",
    safety: { breakers: [{ withinMs: 60_000, moveBps: 500 }] },
    play: [
      ...FIVE_FILLS,
      "X buy 1 at 107 stop 106",
      "R sell 3 at 106",
      "Y buy 1 at 106",
      "wait 2000",
    ],
    happens: [
      ...FIVE_TRADES,
      "#9 takes 1 of #8 at 106",
      "106 triggers #7",
      "auction",
      "active",
      "#7 takes 1 of #8 at 106",
    ],
    book: "/ 106: #8x1",
  },
];

const LIMITS: Case[] = [
  {
    name: "an account has so many open orders on an instrument and no more",
    safety: { openOrdersPerInstrumentMax: 2 },
    play: ["X buy 1 at 90", "X buy 1 stop 200", "X buy 1 at 91", "Y buy 1 at 91", "cancel 1"],
    happens: ["refused: too-many-open-orders", "#1 ends: cancelled"],
    book: "91: #3x1 /",
  },
  {
    name: "an instrument has so many stop orders and no more",
    safety: { stopOrdersPerInstrumentMax: 1 },
    play: ["X buy 1 stop 200", "Y buy 1 stop 200", "Y buy 1 at 90"],
    happens: ["refused: too-many-open-orders"],
    book: "90: #2x1 /",
  },
];

describe.each([
  { of: "price bands", cases: BANDS },
  { of: "breakers", cases: BREAKERS },
  { of: "limits", cases: LIMITS },
])("$of", ({ cases }) => {
  test.each(cases)("$name", ({ safety, play, happens, book }) => {
    const market = createScriptMarket({ safety: { ...NO_SAFETY, ...safety } });
    expect(market.playAll(play)).toEqual(happens);
    expect(market.book()).toBe(book);
  });
});

test("an initial reference price puts the band in force before the first fill", () => {
  const market = createScriptMarket({
    safety: { ...NO_SAFETY, bandBps: 1_000, bandThinBps: 1_000 },
  });
  const lite = instruments.find(({ symbol }) => symbol === SYMBOL);
  if (lite === undefined) throw new Error("not shipped");
  market.run({ type: "list-instrument", instrument: { ...lite, initialReferenceTicks: 100 } });
  expect(market.play("X buy 1 at 111")).toEqual(["refused: invalid-price"]);
  expect(market.play("X buy 1 at 110")).toEqual([]);
});

test("a stop limit whose price came is measured like any other order that enters", () => {
  const market = createTestMarket({ sla: quietSla });
  const seller = market.supplier("S").account;
  for (let fill = 0; fill < 6; fill += 1) {
    market.ask(seller, DOLLAR, UNIT);
    market.run(market.order(market.account(`B${fill}`, 10_000_000n, "advanced"), {}));
  }
  const x = market.account("X", 1_000_000_000n, "advanced");
  const wish = { orderType: "stop_limit", stopTicks: DOLLAR, quantity: 1 } as const;
  const far = market.run(market.order(x, { ...wish, priceTicks: 20 * DOLLAR })).order;
  const closed = market.events.filter((event) => event.type === "order-closed").at(-1);
  expect(closed).toMatchObject({ order: far, reason: "out_of_band" });
  const near = market.run(market.order(x, { ...wish, priceTicks: DOLLAR })).order;
  const amended = {
    type: "amend-order",
    account: x,
    order: near,
    priceTicks: 50 * DOLLAR,
  } as const;
  expect(market.tryTo(amended)).toMatchObject({ rejection: { code: "invalid-price" } });
});
