import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, quietSla, SYMBOL, UNIT } from "#exchange/core/core.fixture.ts";
import type { Lot } from "#exchange/core/state.ts";
import { policyOf } from "#exchange/core/turn.ts";

const HOUR_MS = 3_600_000;

/** A trader whose Units wait in Trading, with Units bought one hour after a point of the grid. */
function marketWithTrader(quantities = [UNIT]) {
  const market = createTestMarket({ sla: quietSla });
  const supplier = market.supplier("S");
  const trader = market.account("T", 100_000_000n, "advanced", { autoTransfer: false });
  market.skip(HOUR_MS);
  for (const quantity of quantities) {
    market.ask(supplier.account, DOLLAR, quantity);
    market.run(market.order(trader, { quantity }));
  }
  const lot = (number: number) => market.state.lots.get(number) as Lot;
  const transfer = (to: "consumption" | "trading", quantity: number) =>
    market.tryTo({ type: `transfer-to-${to}`, account: trader, symbol: SYMBOL, quantity });
  return { market, supplier, trader, lot, transfer };
}

test("what is bought waits in Trading, where no request draws on it", () => {
  const { market, trader, lot } = marketWithTrader();
  expect(lot(1)).toMatchObject({ enteredAtMs: null, expiresAtMs: null });
  expect(market.tryReserve(trader, 100, 100)).toMatchObject({ rejection: { code: "no-units" } });
});

test("the sweep at 04:00 moves it into Consumption, and it expires four hours later", () => {
  const { market, trader, lot } = marketWithTrader();
  const gridMs = market.nowMs() + 3 * HOUR_MS;
  market.advance(3 * HOUR_MS - 1);
  expect(lot(1).tradingSinceMs).not.toBeNull();
  // A quarter of a second late, as ticks are: entry is at the point of the grid all the same.
  market.advance(250);
  expect(lot(1)).toMatchObject({
    tradingSinceMs: null,
    enteredAtMs: gridMs,
    expiresAtMs: gridMs + 4 * HOUR_MS,
  });
  expect(market.events.filter(({ type }) => type === "units-transferred")).toMatchObject([
    { account: trader, by: "sweep", to: "consumption", tokens: 1_000_000, lots: [1] },
  ]);
  expect(market.tryReserve(trader, 100, 100).ok).toBe(true);
});

test("where auto_transfer is on, it enters at once", () => {
  const market = createTestMarket();
  const { account } = market.supplier("S");
  const buyer = market.account("B", 2_000_000n, "advanced", { autoTransfer: true });
  market.ask(account, DOLLAR, UNIT);
  market.run(market.order(buyer, {}));
  expect(market.state.lots.get(1)).toMatchObject({ enteredAtMs: market.nowMs() });
});

test("in Auto Mode auto_transfer cannot be off", () => {
  const market = createTestMarket();
  expect(
    market.tryTo({ type: "open-account", name: "B", mode: "easy", autoTransfer: false }),
  ).toMatchObject({ rejection: { code: "mode-managed-setting" } });
});

test("a transfer takes the oldest acquisition first and splits the last Lot, price and bond included", () => {
  const { market, supplier, trader, transfer, lot } = marketWithTrader([30, 50]);
  expect(transfer("consumption", 40)).toMatchObject({ result: { transfer: 1, tokens: 400_000 } });
  expect([1, 2, 3].map((number) => [lot(number).tokens, lot(number).tradingSinceMs])).toEqual([
    [300_000, null],
    [400_000, market.nowMs()],
    [100_000, null],
  ]);
  expect(lot(3)).toMatchObject({ owner: trader, supplier: supplier.account, priceTicks: DOLLAR });
  expect(market.balance("lot2:escrow")).toBe(400_000n);
  expect(market.balance("lot3:escrow")).toBe(100_000n);
  expect(market.state.ledger.holdAmount("lot2:margin")).toBe(320_000n);
  expect(market.state.ledger.holdAmount("lot3:margin")).toBe(80_000n);
});

test("only untouched whole increments go back, and keep their expiry until they are swept again", () => {
  const { market, trader, transfer, lot } = marketWithTrader([10]);
  transfer("consumption", 10);
  const expiresAtMs = market.nowMs() + 4 * HOUR_MS;
  market.settle(market.reserve(trader, 1, 1_000).delivery, 1, 4_000);
  market.reserve(trader, 1, 9_999);
  // 1,001 are used and 10,000 reserved: 88,999 are free, eight whole increments.
  expect(transfer("trading", 9)).toMatchObject({ rejection: { code: "insufficient-units" } });
  expect(transfer("trading", 8).ok).toBe(true);
  expect(lot(2)).toMatchObject({ tokens: 80_000, tradingSinceMs: market.nowMs(), expiresAtMs });
  expect(lot(1)).toMatchObject({ tokens: 20_000, usedTokens: 1_001, paidMicros: 1_001n });
  market.advance(3 * HOUR_MS);
  expect(lot(2)).toMatchObject({ tradingSinceMs: null, expiresAtMs });
});

test("an Auto Mode account keeps its Units where requests draw on them", () => {
  const { market, transfer, trader } = marketWithTrader();
  const buyer = market.account("B", 1_000_000n);
  expect(
    market.tryTo({ type: "transfer-to-trading", account: buyer, symbol: SYMBOL, quantity: 1 }),
  ).toMatchObject({ rejection: { code: "auto-mode-trading-restricted" } });
  expect(transfer("consumption", 101)).toMatchObject({
    rejection: { code: "insufficient-units", details: { available: "1" } },
  });
  expect(transfer("consumption", 0)).toMatchObject({ rejection: { code: "invalid-quantity" } });
  expect(market.state.accounts.get(trader)?.lots.size).toBe(1);
});

test("a sweep that an outage delayed counts from its point of the grid, less the outage", () => {
  const { market, lot } = marketWithTrader();
  const gridMs = market.nowMs() + 3 * HOUR_MS;
  market.skip(2 * HOUR_MS);
  const lastSeenMs = market.nowMs();
  market.skip(2 * HOUR_MS);
  market.run({ type: "resume", lastSeenMs });
  market.advance(0);
  expect(lot(1)).toMatchObject({ enteredAtMs: gridMs, expiresAtMs: gridMs + 5 * HOUR_MS });
});

test("a sweep runs in slices: accounts that one turn did not reach are swept by the next", () => {
  const { market, supplier, lot } = marketWithTrader();
  const second = market.account("U", 100_000_000n, "advanced", { autoTransfer: false });
  market.ask(supplier.account, DOLLAR, UNIT);
  market.run(market.order(second, {}));
  const policy = { ...policyOf(market.state), version: "small", dueItemsPerTurnMax: 1 };
  market.run({ type: "adopt-policy", policy });
  market.skip(3 * HOUR_MS);
  expect(market.run({ type: "tick" })).toEqual({ more: true });
  expect([lot(1).tradingSinceMs === null, lot(2).tradingSinceMs === null]).toEqual([true, false]);
  market.advance(250);
  expect(lot(2)).toMatchObject({ tradingSinceMs: null, enteredAtMs: lot(1).enteredAtMs });
});
