import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, policy, UNIT } from "#exchange/core/core.fixture.ts";

test("a resting bid pays no more fee than it set aside, though a new policy asks more", () => {
  const market = createTestMarket({ takerFeeBps: 100, makerFeeBps: 0 });
  const { account } = market.supplier("S");
  market.deposit(account, 1_000_000n);
  const buyer = market.account("B", 2_020_000n, "advanced");
  market.run(market.order(buyer, { priceTicks: DOLLAR, quantity: 2 * UNIT }));
  market.run({ type: "adopt-policy", policy: { ...policy, takerFeeBps: 0, makerFeeBps: 300 } });
  for (const balanceMicros of [1_010_000n, 0n]) {
    market.run(market.order(account, { side: "sell", quantity: UNIT }));
    expect(market.balance(`${buyer}:avail`)).toBe(balanceMicros);
  }
  expect(market.balance("exch:fees")).toBe(20_000n);
});
