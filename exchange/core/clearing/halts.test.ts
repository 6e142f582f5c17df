import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, quietSla, SYMBOL, UNIT } from "#exchange/core/core.fixture.ts";
import { restoreCore } from "#exchange/core/core.ts";
import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { Lot } from "#exchange/core/state.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A supplier, and a buyer with one Unit that it can draw on. */
function marketWithLot(overrides: Partial<MarketPolicy> = {}) {
  const market = createTestMarket({ sla: quietSla, ...overrides });
  const supplier = market.supplier("S");
  const buyer = market.account("B", 10_000_000n, "advanced");
  const buy = () => {
    market.ask(supplier.account, DOLLAR, UNIT);
    market.run(market.order(buyer, {}));
  };
  buy();
  return {
    market,
    supplier,
    buyer,
    buy,
    lot: (number: number) => market.state.lots.get(number) as Lot,
    halt: () => market.run({ type: "halt-delivery", symbol: SYMBOL, reason: "test" }),
    resume: () => market.run({ type: "resume-delivery", symbol: SYMBOL }),
  };
}

test("while delivery is halted nothing is reserved, and what is under way is still settled", () => {
  const { market, buyer, halt, resume } = marketWithLot();
  const { delivery } = market.reserve(buyer, 100, 100);
  halt();
  expect(market.tryReserve(buyer, 100, 100)).toMatchObject({
    rejection: { code: "delivery-halted" },
  });
  expect(market.settle(delivery, 100, 100)).toMatchObject({ usedTokens: 200 });
  resume();
  expect(market.tryReserve(buyer, 100, 100).ok).toBe(true);
});

test("a halt moves every open Lot's expiry by its length, of those that entered in it by what is left of it", () => {
  const { market, lot, buy, halt, resume } = marketWithLot();
  const expiresAtMs = lot(1).expiresAtMs ?? 0;
  market.advance(HOUR_MS);
  halt();
  market.advance(10 * MINUTE_MS);
  buy();
  const entered = market.nowMs();
  market.advance(20 * MINUTE_MS);
  expect(resume()).toEqual({ haltedMs: 30 * MINUTE_MS });
  expect(lot(1).expiresAtMs).toBe(expiresAtMs + 30 * MINUTE_MS);
  expect(lot(2).expiresAtMs).toBe(entered + 4 * HOUR_MS + 20 * MINUTE_MS);
});

test("a Lot does not expire in a halt, however long, and its supplier's slots of that time count for nobody", () => {
  const { market, supplier, lot, halt, resume } = marketWithLot();
  market.advance(HOUR_MS);
  halt();
  market.unlink(supplier.node);
  market.advance(10 * MINUTE_MS);
  market.link(supplier.node, 1000);
  market.advance(9 * HOUR_MS + 50 * MINUTE_MS);
  expect(lot(1).usedTokens).toBe(0);
  resume();
  market.advance(3 * HOUR_MS);
  expect(market.events.find(({ type }) => type === "lot-expired")).toMatchObject({
    ...{ slots: 48, healthySlots: 48, toOwnerMicros: 0n },
  });
});

test("an outage in a halt tolls once", () => {
  const { market, lot, halt, resume } = marketWithLot();
  const expiresAtMs = lot(1).expiresAtMs ?? 0;
  halt();
  market.advance(10 * MINUTE_MS);
  const lastSeenMs = market.nowMs();
  market.skip(20 * MINUTE_MS);
  market.run({ type: "resume", lastSeenMs });
  market.advance(5 * MINUTE_MS);
  resume();
  expect(lot(1).expiresAtMs).toBe(expiresAtMs + 35 * MINUTE_MS);
});

test("halting twice and resuming what runs change nothing", () => {
  const { market, halt, resume } = marketWithLot();
  expect(resume()).toEqual({ haltedMs: 0 });
  const sinceMs = market.nowMs();
  halt();
  market.advance(MINUTE_MS);
  expect(halt()).toEqual({ sinceMs });
  expect(market.tryTo({ type: "halt-delivery", symbol: "moon", reason: "test" })).toMatchObject({
    rejection: { code: "instrument-not-found" },
  });
});

test("a restored market is halted as before", () => {
  const { market, halt } = marketWithLot();
  halt();
  const copy = restoreCore(market.core.snapshot());
  const nowMs = market.nowMs() + HOUR_MS;
  for (const core of [copy, market.core]) {
    core.execute({ type: "resume-delivery", symbol: SYMBOL }, nowMs);
  }
  expect(copy.snapshot()).toEqual(market.core.snapshot());
});

const DRAW = { draw: { tokensPerMinute: 60_000, burstTokens: 10_000 } };

test("above a Lot's draw rate a request is told when to come again, and then served", () => {
  const { market, supplier, buyer } = marketWithLot(DRAW);
  market.reserve(buyer, 1_000, 7_000);
  expect(market.tryReserve(buyer, 1_000, 2_000)).toMatchObject({
    rejection: { code: "draw-rate-exceeded", details: { retry_after_ms: 1_000 } },
  });
  const judged = market.events.some(({ type }) => type === "delivery-judged");
  expect([judged, market.state.suppliers.get(supplier.account)?.integrity.size]).toEqual([
    false,
    0,
  ]);
  market.advance(1_000);
  expect(market.tryReserve(buyer, 1_000, 2_000).ok).toBe(true);
});

test("what a request did not use flows back, and one larger than the burst is served by a fresh Lot", () => {
  const { market, buyer } = marketWithLot(DRAW);
  const { delivery } = market.reserve(buyer, 1_000, 50_000);
  expect(market.tryReserve(buyer, 1, 1).ok).toBe(false);
  market.settle(delivery, 1_000, 1_000);
  expect(market.tryReserve(buyer, 1_000, 7_000).ok).toBe(true);
});
