import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, policy, UNIT } from "#exchange/core/core.fixture.ts";
import { SLOT_MS } from "#exchange/core/sla/health.ts";

test("a supplier's absence before a long outage still counts when the tolled Lot expires", () => {
  const market = createTestMarket();
  const { account, node } = market.supplier("S");
  const buyer = market.account("B", 2_000_000n, "advanced");
  market.ask(account, DOLLAR, UNIT);
  market.run(market.order(buyer, { quantity: UNIT }));
  // Away for 6 of the Lot's 48 slots, then an outage longer than three lifetimes.
  market.unlink(node);
  market.advance(6 * SLOT_MS);
  market.link(node, 1000);
  const lastSeenMs = market.nowMs();
  market.skip(4 * policy.lotLifetimeMs);
  market.run({ type: "resume", lastSeenMs });
  market.link(node, 1000);
  market.advance(42 * SLOT_MS);
  const expired = market.events.find((event) => event.type === "lot-expired");
  expect(expired).toMatchObject({ healthySlots: 42, slots: 48, toSupplierMicros: 875_000n });
});

test("a delivery that runs while its Lot expires is served to its end, at the Lot's price", () => {
  const market = createTestMarket({ lotLifetimeMs: 60_000, deliveryTimeMsMax: 600_000 });
  const { account } = market.supplier("S");
  market.ask(account, DOLLAR, UNIT);
  const buyer = market.account("B", 2_000_000n, "advanced");
  market.run(market.order(buyer, { quantity: UNIT }));
  const { delivery } = market.reserve(buyer, 1_000, 4_000);
  market.advance(61_000);
  expect(market.tryReserve(buyer, 10, 10)).toMatchObject({ ok: false });
  expect(market.settle(delivery, 1_000, 3_000)).toMatchObject({ costMicros: "4000" });
  expect(market.state.lots.size).toBe(0);
});
