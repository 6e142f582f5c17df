/** Previews: what they say is what then happens, and they change nothing. */
import { describe, expect, test } from "vitest";
import { createScriptMarket } from "./order-script.fixture.ts";
import { previewOrder } from "./preview.ts";

describe("a preview", () => {
  interface Preview {
    name: string;
    before: string[];
    order: string;
    preview: object;
  }
  const PREVIEWS: Preview[] = [
    {
      name: "a bid that takes and rests",
      before: ["S sell 3 at 100", "R sell 3 at 101"],
      order: "X buy 8 at 101",
      preview: {
        fills: [
          { priceTicks: 100, quantity: 3 },
          { priceTicks: 101, quantity: 3 },
        ],
        ...{ filledQuantity: 6, valueMicros: 603n, feeMicros: 7n, restingQuantity: 2 },
        ...{ endsAs: null, limitTicks: 101 },
        holds: { moneyMicros: 817n, tokens: 0n, issuedTokens: 0n, bondMicros: 0n },
      },
    },
    {
      name: "a market order that its protection stops",
      before: ["S sell 3 at 100", "R sell 3 at 111"],
      order: "X buy 8 market ioc",
      preview: { filledQuantity: 3, restingQuantity: 0, endsAs: "partially_filled_max_slippage" },
    },
    {
      name: "a fok that cannot be filled",
      before: ["S sell 3 at 100"],
      order: "X buy 8 at 100 fok",
      preview: { fills: [], valueMicros: 0n, feeMicros: 0n, endsAs: "no_fill_no_liquidity" },
    },
    {
      name: "an ask that has to be issued",
      before: [],
      order: "S sell 5 at 100",
      preview: {
        restingQuantity: 5,
        holds: { moneyMicros: 0n, tokens: 50_000n, issuedTokens: 50_000n, bondMicros: 400n },
      },
    },
    {
      name: "a stop order that waits",
      before: ["S sell 3 at 100"],
      order: "X buy 2 stop 110",
      preview: { fills: [], limitTicks: 121, restingQuantity: 2, endsAs: null },
    },
    {
      name: "an order that meets its owner's",
      before: ["R sell 3 at 100"],
      order: "R buy 3 at 100",
      preview: { fills: [], restingQuantity: 0, endsAs: "self_trade_prevented" },
    },
  ];

  test.each(PREVIEWS)("$name: says what would happen, which then does", (each) => {
    const market = createScriptMarket();
    market.playAll(each.before);
    const before = new TextDecoder().decode(market.core.snapshot());
    const order = market.orderOf(each.order);
    const seen = previewOrder(market.state, order, market.nowMs());
    expect(seen).toMatchObject({ ok: true, preview: each.preview });
    expect(new TextDecoder().decode(market.core.snapshot())).toBe(before);
    const { events } = market.tryTo(order);
    const trades = events.filter((event) => event.type === "trade");
    const fills = trades.map(({ priceTicks, quantity }) => ({ priceTicks, quantity }));
    if (seen.ok) expect(fills).toEqual(seen.preview.fills);
  });

  test("tells the refusal that the order would get", () => {
    const market = createScriptMarket({}, { X: 10n });
    const order = market.orderOf("X buy 8 at 101");
    expect(previewOrder(market.state, order, market.nowMs())).toMatchObject({
      ok: false,
      rejection: { code: "insufficient-balance" },
    });
  });
});
