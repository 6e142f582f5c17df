import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, UNIT } from "#exchange/core/core.fixture.ts";

/** A bid of 1 Unit at 1.00, and a supplier with that much bond that can pay its fee. */
function marketWithBid(bondMicros: bigint) {
  const market = createTestMarket();
  const { account } = market.supplier("S", { bondMicros });
  market.deposit(account, 10_000n);
  const buyer = market.account("B", 2_000_000n, "advanced");
  market.run(market.order(buyer, { priceTicks: DOLLAR }));
  return { market, account };
}

test.each([
  { name: "limit far below the bid", priceTicks: 1, orderType: "limit", timeInForce: "gtc" },
  { name: "immediate limit", priceTicks: 1, orderType: "limit", timeInForce: "ioc" },
  { name: "market order", priceTicks: null, orderType: "market", timeInForce: "ioc" },
] as const)("a sale by $name needs the bond of the Lot that it makes", ({ name: _, ...fields }) => {
  const { market, account } = marketWithBid(799_999n);
  const sale = market.order(account, { side: "sell", ...fields });
  expect(market.tryTo(sale)).toMatchObject({
    rejection: { code: "insufficient-bond", details: { required: "0.800000" } },
  });
  market.deposit(account, 1n, "bond");
  market.run(sale);
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(800_000n);
  expect(market.free(`${account}:bond`)).toBe(0n);
});

test("a market sale into an empty book needs no bond and ends unfilled", () => {
  const market = createTestMarket();
  const { account } = market.supplier("S", { bondMicros: 1n });
  market.run(market.order(account, { side: "sell", orderType: "market", timeInForce: "ioc" }));
  expect(market.events.at(-1)).toMatchObject({
    type: "order-closed",
    reason: "no_fill_no_liquidity",
  });
});

test("what is left of a crossing ask holds its own margin beside the Lot's", () => {
  const { market, account } = marketWithBid(2_000_000n);
  market.run(market.order(account, { side: "sell", priceTicks: DOLLAR / 2, quantity: 3 * UNIT }));
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(800_000n);
  expect(market.state.ledger.holdAmount("ask2:margin")).toBe(800_000n);
});
