import { expect, test } from "vitest";
import type { SettingsChanges } from "#exchange/core/accounts/account-commands.ts";
import { createTestMarket, DOLLAR, quietSla, SYMBOL, UNIT } from "#exchange/core/core.fixture.ts";
import { modeManagedFields } from "./settings.ts";

const HOUR_MS = 3_600_000;

function marketWith(mode: "easy" | "advanced", options = {}) {
  const market = createTestMarket({ sla: quietSla });
  const supplier = market.supplier("S");
  const account = market.account("B", 10_000_000n, mode, options);
  const set = (changes: SettingsChanges, to: "easy" | "advanced" | null = null) =>
    market.tryTo({ type: "change-settings", account, mode: to, changes });
  const own = () => market.state.accounts.get(account);
  return { market, supplier, account, set, own };
}

test("Auto Mode decides on transfers and purchases, Advanced Mode on nothing", () => {
  const { set } = marketWith("easy");
  expect(modeManagedFields("easy")).toEqual(["auto_transfer_enabled", "auto_buy_enabled"]);
  expect(modeManagedFields("advanced")).toEqual([]);
  expect(set({ autoTransfer: true })).toMatchObject({
    rejection: { code: "mode-managed-setting" },
  });
  expect(set({ autoBuy: false })).toMatchObject({ rejection: { code: "mode-managed-setting" } });
  expect(set({ autoBuyTokens: 5 }).ok).toBe(true);
});

test("a change that changes nothing leaves no event", () => {
  const { market, set } = marketWith("advanced");
  const before = market.events.length;
  expect(set({ autoTransfer: true, priceCeilings: { [SYMBOL]: null } })).toMatchObject({
    result: { mode: "advanced" },
  });
  expect(market.events.length).toBe(before);
});

test("into Auto Mode orders are cancelled, Units enter Consumption, and no order command is taken", () => {
  const { market, supplier, account, set, own } = marketWith("advanced", { autoTransfer: false });
  market.ask(supplier.account, DOLLAR, UNIT);
  market.run(market.order(account, { quantity: 50 }));
  const sale = { side: "sell", quantity: 10, issueMissing: false, priceTicks: 2 * DOLLAR } as const;
  const { order } = market.run(market.order(account, sale));
  expect(set({}, "easy").ok).toBe(true);
  expect(own()).toMatchObject({ mode: "easy", settings: { autoTransfer: true, autoBuy: true } });
  expect(market.state.orders.has(order)).toBe(false);
  expect(market.state.lots.get(1)).toMatchObject({ enteredAtMs: market.nowMs() });
  const refused = { rejection: { code: "auto-mode-trading-restricted" } };
  expect(market.tryTo(market.order(account, {}))).toMatchObject(refused);
  expect(market.tryTo({ type: "cancel-order", account, order })).toMatchObject(refused);
});

test("into Advanced Mode purchases and transfers at once end; ceilings and caps stay", () => {
  const { set, own } = marketWith("easy");
  set({ spendCapDayMicros: 5n, priceCeilings: { [SYMBOL]: 7 } });
  set({}, "advanced");
  expect(own()).toMatchObject({
    settings: {
      ...{ autoTransfer: false, autoBuy: false, spendCapDayMicros: 5n },
      priceCeilings: [{ symbol: SYMBOL, priceTicks: 7 }],
    },
  });
});

test.each<[string, SettingsChanges, string]>([
  ["a top-up of nothing", { autoBuyTokens: 0 }, "invalid-quantity"],
  ["half a token", { autoBuyTriggerTokens: 0.5 }, "invalid-quantity"],
  ["a negative cap", { spendCapMonthMicros: -1n }, "invalid-amount"],
  ["a ceiling of no price", { priceCeilings: { [SYMBOL]: 0 } }, "invalid-price"],
  ["an unknown instrument", { priceCeilings: { moon: 5 } }, "instrument-not-found"],
])("%s is refused", (_what, changes, code) => {
  expect(marketWith("easy").set(changes)).toMatchObject({ rejection: { code } });
});

test("nothing is bought above the ceiling, to the tick", () => {
  const { market, supplier, account, set } = marketWith("easy");
  market.ask(supplier.account, DOLLAR, UNIT);
  set({ priceCeilings: { [SYMBOL]: DOLLAR - 1 } });
  expect(market.tryReserve(account, 100, 100)).toMatchObject({
    rejection: { code: "price-above-ceiling", details: { price: "1.0000", ceiling: "0.9999" } },
  });
  set({ priceCeilings: { [SYMBOL]: DOLLAR } });
  expect(market.tryReserve(account, 100, 100).ok).toBe(true);
});

test("a day's cap counts automatic purchases with their fees until midnight UTC, a month's until its end", () => {
  const { market, supplier, account, set } = marketWith("easy");
  market.ask(supplier.account, DOLLAR, 10 * UNIT);
  // An increment costs 10,000 and its fee 100.
  set({ spendCapDayMicros: 20_199n, spendCapMonthMicros: 30_299n });
  const draw = () => market.tryReserve(account, 1, 9_999);
  expect(draw().ok).toBe(true);
  expect(draw()).toMatchObject({
    rejection: { code: "spend-cap-reached", details: { period: "day", left: "0.010099" } },
  });
  market.advance(24 * HOUR_MS);
  expect(draw().ok).toBe(true);
  market.advance(24 * HOUR_MS);
  expect(draw()).toMatchObject({ rejection: { details: { period: "month", left: "0.010099" } } });
  market.advance(28 * 24 * HOUR_MS);
  expect(draw().ok).toBe(true);
});

test("a position that a draw takes below the trigger is topped up, once per draw", () => {
  const { market, supplier, account, set } = marketWith("easy");
  market.ask(supplier.account, DOLLAR, 10 * UNIT);
  set({ autoBuyTokens: 50_000, autoBuyTriggerTokens: 30_000 });
  const { delivery } = market.reserve(account, 1, 9_999);
  expect(market.state.lots.size).toBe(1);
  market.settle(delivery, 1, 999);
  expect(market.state.lots.get(2)).toMatchObject({ owner: account, tokens: 50_000 });
  market.settle(market.reserve(account, 1, 999).delivery, 1, 999);
  expect(market.state.lots.size).toBe(2);
});

test("a top-up beyond ceiling, cap or money is left out, and the request is served all the same", () => {
  const { market, supplier, account, set } = marketWith("easy");
  market.ask(supplier.account, DOLLAR, 10 * UNIT);
  const limits: SettingsChanges[] = [
    { priceCeilings: { [SYMBOL]: 1 } },
    { priceCeilings: { [SYMBOL]: null }, spendCapDayMicros: 10_100n },
    { spendCapDayMicros: null, autoBuyTokens: 90_000_000 },
  ];
  const { delivery } = market.reserve(account, 1, 9_999);
  market.settle(delivery, 1, 0);
  for (const limit of limits) {
    set({ autoBuyTriggerTokens: 30_000, ...limit });
    market.settle(market.reserve(account, 1, 0).delivery, 1, 0);
    expect(market.state.lots.size).toBe(1);
  }
});

test("nothing is topped up while trading is halted", () => {
  const { market, supplier, account, set } = marketWith("easy");
  market.ask(supplier.account, DOLLAR, 10 * UNIT);
  set({ autoBuyTokens: 50_000, autoBuyTriggerTokens: 30_000 });
  const { delivery } = market.reserve(account, 1, 9_999);
  market.run({ type: "halt-trading", symbol: SYMBOL, phase: "halted", reason: "test" });
  market.settle(delivery, 1, 999);
  expect(market.state.lots.size).toBe(1);
});

test("an account in Advanced Mode may be topped up too", () => {
  const { market, supplier, account, set } = marketWith("advanced");
  market.ask(supplier.account, DOLLAR, 10 * UNIT);
  market.run(market.order(account, { quantity: 1 }));
  set({ autoBuy: true, autoBuyTokens: 20_000, autoBuyTriggerTokens: 20_000 });
  market.settle(market.reserve(account, 1, 99).delivery, 1, 99);
  expect(market.state.lots.get(2)).toMatchObject({ owner: account, tokens: 20_000 });
});
