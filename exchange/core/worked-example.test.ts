/** The worked example of the design, to the micro-dollar: S asks 1 Unit at 1.00, B buys and uses 0.05. */
import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, quietSla, UNIT } from "./core.fixture.ts";

const SLOT_MS = 300_000;

/** Deposits, S's ask and B's purchase of 0.05 Units, then two requests of 3,200 and 1,000 tokens. */
function marketAfterTwoRequests() {
  // Pay stays pending, so that it can be seen.
  const market = createTestMarket({ sla: quietSla });
  const s = market.supplier("S", { bondMicros: 1_000_000n });
  const b = market.account("B", 1_000_000n, "advanced");
  market.ask(s.account, DOLLAR, UNIT);
  market.run(market.order(b, { quantity: 5, priceTicks: DOLLAR }));
  for (const used of [3_200, 1_000]) {
    const reserved = market.reserve(b, 200, 3_800);
    market.settle(reserved.delivery, 200, used - 200);
  }
  return { market, s: s.account, node: s.node, b };
}

test("the ask holds all its Units and 0.80 of its value as bond", () => {
  const market = createTestMarket();
  const { account } = market.supplier("S", { bondMicros: 1_000_000n });
  market.ask(account, DOLLAR, UNIT);
  expect(market.balance(`${account}/text-lite:issuer`)).toBe(-1_000_000n);
  expect(market.balance(`${account}/text-lite:issued`)).toBe(1_000_000n);
  expect(market.free(`${account}/text-lite:issued`)).toBe(0n);
  expect(market.free(`${account}:bond`)).toBe(200_000n);
});

test("a fill of 0.05 Units moves 50,000 into escrow, 500 into fees, and the bond hold to the Lot", () => {
  const market = createTestMarket();
  const { account: s } = market.supplier("S", { bondMicros: 1_000_000n });
  const b = market.account("B", 1_000_000n, "advanced");
  market.ask(s, DOLLAR, UNIT);
  market.run(market.order(b, { quantity: 5, priceTicks: DOLLAR }));
  expect(market.balance(`${b}:avail`)).toBe(949_500n);
  expect(market.balance("lot1:escrow")).toBe(50_000n);
  expect(market.balance("exch:fees")).toBe(500n);
  expect(market.balance("lot1/text-lite:tokens")).toBe(50_000n);
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(40_000n);
  expect(market.state.ledger.holdAmount("ask1:margin")).toBe(760_000n);
});

test("requests are paid by cumulative floor at the ask's price and the rest of each reservation returns", () => {
  const { market, s } = marketAfterTwoRequests();
  expect(market.balance(`${s}:pending`)).toBe(4_200n);
  expect(market.balance("lot1:escrow")).toBe(45_800n);
  expect(market.free("lot1/text-lite:tokens")).toBe(45_800n);
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(36_640n);
});

test("at expiry a supplier there for 47 of 48 slots gets 47/48 of the unused, the holder the rest", () => {
  const { market, s, node, b } = marketAfterTwoRequests();
  market.advance(10 * SLOT_MS);
  market.unlink(node);
  market.advance(20_000);
  market.link(node, 1000);
  const paidBefore = market.balance(`${s}:pending`);
  const availableBefore = market.balance(`${b}:avail`);
  market.advance(38 * SLOT_MS);
  // floor(45,800 x 47 / 48) = 44,845
  expect(market.balance(`${s}:pending`) - paidBefore).toBe(44_845n);
  expect(market.balance(`${b}:avail`) - availableBefore).toBe(955n);
  expect(market.balance("lot1:escrow")).toBe(0n);
  expect(market.balance("lot1/text-lite:tokens")).toBe(0n);
  expect(market.state.lots.size).toBe(0);
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(0n);
});

test("the design's figure: 11,800 left of 20,000 at 47/48 is 11,554 and 246", () => {
  const market = createTestMarket();
  const s = market.supplier("S");
  const c = market.account("C", 1_000_000n, "advanced");
  market.ask(s.account, DOLLAR, UNIT);
  market.run(market.order(c, { quantity: 2, priceTicks: DOLLAR }));
  for (const used of [3_200, 1_000, 4_000]) {
    market.settle(market.reserve(c, 1_000, 3_500).delivery, 1_000, used - 1_000);
  }
  market.unlink(s.node);
  market.advance(20_000);
  market.link(s.node, 1000);
  market.advance(48 * SLOT_MS);
  const expired = market.events.find((event) => event.type === "lot-expired");
  expect(expired).toMatchObject({
    unusedTokens: 11_800,
    healthySlots: 47,
    slots: 48,
    toSupplierMicros: 11_554n,
    toOwnerMicros: 246n,
  });
});
