import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, UNIT } from "#exchange/core/core.fixture.ts";
import { restoreCore } from "#exchange/core/core.ts";

test("grace ends a supplier's asks in the same order in a restored state as in the one that was lived", () => {
  const market = createTestMarket();
  const { account, node } = market.supplier("S");
  const supplies = ["text-prime", "text-lite"].map((symbol) => ({
    symbol,
    capacityTokens: 100_000_000,
  }));
  market.run({ type: "connect-node", node, session: "both", slots: 4, supplies });
  for (const { symbol } of supplies) {
    market.run(market.order(account, { symbol, side: "sell", quantity: UNIT, priceTicks: DOLLAR }));
  }
  market.unlink(node, "both");
  const restored = restoreCore(market.core.snapshot());
  const laterMs = market.nowMs() + 60_000;
  const lived = market.core.execute({ type: "tick" }, laterMs).events;
  expect(lived.map(({ type }) => type)).toContain("order-closed");
  expect(restored.execute({ type: "tick" }, laterMs).events).toEqual(lived);
});
