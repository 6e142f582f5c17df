import { expect, test } from "vitest";
import type { PlaceOrder } from "#exchange/core/commands.ts";
import { createTestMarket, DOLLAR, quietSla, UNIT } from "#exchange/core/core.fixture.ts";
import { restoreCore } from "#exchange/core/core.ts";
import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { Lot } from "#exchange/core/state.ts";

const HOUR_MS = 3_600_000;

/** Two suppliers, a holder with 10 increments of the first in Trading, and money all around. */
function marketWithHolder(overrides: Partial<MarketPolicy> = {}) {
  const market = createTestMarket({ sla: quietSla, ...overrides });
  const first = market.supplier("S");
  const second = market.supplier("S2");
  const waits = { autoTransfer: false };
  const holder = market.account("B", 10_000_000n, "advanced", waits);
  const other = market.account("C", 10_000_000n, "advanced", waits);
  const buy = (quantity: number, from = first.account, by = holder) => {
    market.ask(from, DOLLAR, quantity);
    market.run(market.order(by, { quantity }));
  };
  const sale = (fields: Partial<PlaceOrder>) =>
    market.order(holder, { side: "sell", issueMissing: false, ...fields });
  buy(10);
  return { market, first, second, holder, other, buy, sale, lot: lotsIn(market) };
}

const lotsIn = (market: ReturnType<typeof createTestMarket>) => (number: number) =>
  market.state.lots.get(number) as Lot;
const free = (market: ReturnType<typeof createTestMarket>, account: number) =>
  market.free(`${account}:avail`);

test("a sell order holds Lots, those of a known expiry last, and a fill hands over parts of several", () => {
  const { market, other, buy, sale, lot, holder } = marketWithHolder();
  const transfer = { account: holder, symbol: "text-lite", quantity: 10 };
  market.run({ type: "transfer-to-consumption", ...transfer });
  market.run({ type: "transfer-to-trading", ...transfer });
  buy(4);
  const { order } = market.run(sale({ quantity: 7 }));
  expect(market.state.orders.get(order)?.lots).toEqual([
    { lot: 2, quantity: 4 },
    { lot: 1, quantity: 3 },
  ]);
  const expiresAtMs = lot(1).expiresAtMs;
  market.run(market.order(other, { quantity: 5 }));
  expect([lot(3), lot(4)]).toMatchObject([
    { owner: other, tokens: 40_000, expiresAtMs: null },
    { owner: other, tokens: 10_000, expiresAtMs },
  ]);
  expect(market.state.orders.get(order)?.lots).toEqual([{ lot: 1, quantity: 2 }]);
});

test("what is behind an order cannot be sold or moved again, and is free when it is cancelled", () => {
  const { market, holder, sale } = marketWithHolder();
  const { order } = market.run(sale({ quantity: 8 }));
  expect(market.tryTo(sale({ quantity: 3 }))).toMatchObject({
    rejection: { code: "insufficient-units", details: { available: "0.02" } },
  });
  const move = { account: holder, symbol: "text-lite", quantity: 3 };
  expect(market.tryTo({ type: "transfer-to-consumption", ...move }).ok).toBe(false);
  market.run({ type: "cancel-order", account: holder, order });
  expect(market.tryTo({ type: "transfer-to-consumption", ...move }).ok).toBe(true);
});

test("the seller pays its fee from what it is paid, whatever it has", () => {
  const { market, holder, other, sale } = marketWithHolder({ makerFeeBps: 100 });
  market.run(sale({ quantity: 10 }));
  const before = free(market, holder);
  market.run(market.order(other, { quantity: 10 }));
  expect(free(market, holder) - before).toBe(99_000n);
});

test("a supplier that buys a Lot it owes owes it no more, and has its escrow as pay", () => {
  const { market, first, sale } = marketWithHolder();
  market.deposit(first.account, 1_000_000n);
  market.run(sale({ quantity: 4, priceTicks: DOLLAR / 2 }));
  market.run(market.order(first.account, { quantity: 4 }));
  expect(market.state.supplies.get(`${first.account}/text-lite`)?.owedTokens).toBe(60_000);
  expect(market.balance(`${first.account}:pending`)).toBe(40_000n);
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(48_000n);
  expect(market.state.lots.size).toBe(1);
});

test("issued Units come first: a supplier sells bought Units when it has none of its own", () => {
  const { market, second, buy } = marketWithHolder();
  market.deposit(second.account, 1_000_000n);
  const supplies = { type: "issue-supply", account: second.account, symbol: "text-lite" } as const;
  market.run({ ...supplies, quantity: 5 });
  market.run({ ...supplies, type: "transfer-issued", quantity: 5 });
  const before = market.events.length;
  buy(3, marketSeller(market), second.account);
  const units = { account: second.account, symbol: "text-lite", quantity: 3 };
  market.run({ type: "transfer-to-trading", ...units });
  const sale = { side: "sell", quantity: 5, issueMissing: false, priceTicks: 2 * DOLLAR } as const;
  market.run(market.order(second.account, sale));
  expect(market.events.slice(before).some(({ type }) => type === "lots-offered")).toBe(false);
  market.run(market.order(second.account, { ...sale, quantity: 3 }));
  expect(market.events.at(-2)).toMatchObject({ type: "lots-offered" });
});

const marketSeller = (market: ReturnType<typeof createTestMarket>): number =>
  [...market.state.lots.values()][0]?.supplier ?? 0;

test("while who owes the Lots is away the order is out of the book, and comes back with it", () => {
  const { market, first, sale } = marketWithHolder();
  const { order } = market.run(sale({ quantity: 5 }));
  market.unlink(first.node);
  expect(market.state.orders.get(order)?.status).toBe("suspended");
  expect(market.tryTo(sale({ quantity: 1 }))).toMatchObject({
    rejection: { code: "insufficient-units" },
  });
  market.link(first.node, 1000);
  expect(market.state.orders.get(order)?.status).toBe("open");
  market.unlink(first.node);
  market.advance(25_000);
  expect(market.state.orders.has(order)).toBe(false);
});

test("an order on Lots of two suppliers comes back when both are there", () => {
  const { market, first, second, buy, sale } = marketWithHolder();
  buy(10, second.account);
  const { order } = market.run(sale({ quantity: 20 }));
  for (const { node } of [first, second]) market.unlink(node);
  market.link(first.node, 1000);
  expect(market.state.orders.get(order)?.status).toBe("suspended");
  market.link(second.node, 1000);
  expect(market.state.orders.get(order)?.status).toBe("open");
});

test("Lots of a suspended supplier cannot be sold on, and orders on them end", () => {
  const { market, first, sale } = marketWithHolder();
  const { order } = market.run(sale({ quantity: 5 }));
  const grave = { node: null, kind: "wrong-model", detail: "another model answered" };
  market.run({ type: "record-integrity", account: first.account, ...grave });
  expect(market.state.orders.has(order)).toBe(false);
  expect(market.tryTo(sale({ quantity: 1 })).ok).toBe(false);
});

test("at the sweep the order ends as swept, and its Lots enter Consumption whole", () => {
  const { market, sale, lot } = marketWithHolder();
  const { order } = market.run(sale({ quantity: 5 }));
  market.advance(4 * HOUR_MS);
  expect(market.events.find((e) => e.type === "order-closed" && e.order === order)).toMatchObject({
    status: "cancelled",
    reason: "swept",
  });
  expect(lot(1)).toMatchObject({ tokens: 100_000, freeTokens: 100_000, tradingSinceMs: null });
});

test("while the sweep still runs nobody buys what a later slice will take", () => {
  const { market, other, buy, sale } = marketWithHolder();
  buy(10, marketSeller(market), other);
  const { order } = market.run(
    market.order(other, { side: "sell", issueMissing: false, quantity: 9 }),
  );
  market.run(sale({ quantity: 1, priceTicks: 2 * DOLLAR }));
  const late = market.account("D", 1_000_000n, "advanced");
  const policy = { ...(market.state.policy as MarketPolicy), version: "s", dueItemsPerTurnMax: 1 };
  market.run({ type: "adopt-policy", policy });
  market.skip(4 * HOUR_MS);
  market.run(market.order(late, { quantity: 5 }));
  expect(market.state.orders.has(order)).toBe(false);
  expect(market.state.accounts.get(late)?.lots.size).toBe(0);
});

test("who bought below the Lot's price gets no more than that back; the rest is the fund's", () => {
  const { market, first, other, sale } = marketWithHolder({
    // Without a charge for abandoning it, which its holder would get as well.
    sla: { ...quietSla, closeOutMs: HOUR_MS, abandonment: [{ awayMs: HOUR_MS, chargeBps: 0 }] },
  });
  market.run(sale({ quantity: 10, priceTicks: (DOLLAR * 3) / 4 }));
  market.run(market.order(other, { quantity: 10 }));
  market.unlink(first.node);
  const before = free(market, other);
  market.advance(HOUR_MS);
  expect(free(market, other) - before).toBe(75_000n);
  expect(market.balance("exch:guaranty")).toBe(25_000n);
});

test("an order on a Lot that is closed out ends with it", () => {
  const { market, first, sale } = marketWithHolder({
    ...{ supplierGraceMs: 2 * HOUR_MS, sla: { ...quietSla, closeOutMs: HOUR_MS } },
  });
  const { order } = market.run(sale({ quantity: 5 }));
  market.unlink(first.node);
  market.advance(HOUR_MS);
  expect(market.events.find((e) => e.type === "order-closed" && e.order === order)).toMatchObject({
    reason: "lot_ended",
  });
  expect(market.state.lots.size).toBe(0);
});

test("Auto Mode buys Units that are sold on, for as long as one supplier owes them", () => {
  const { market, holder, first, buy, second, sale } = marketWithHolder();
  buy(10, second.account);
  market.run(sale({ quantity: 20 }));
  const easy = market.account("E", 1_000_000n);
  // The order's first Lot holds 100,000 tokens; more would need the next supplier's as well.
  expect(market.tryReserve(easy, 1, 150_000)).toMatchObject({ rejection: { code: "no-supplier" } });
  const before = free(market, holder);
  expect(market.reserve(easy, 1, 49_999)).toMatchObject({ supplier: first.account });
  expect(free(market, holder) - before).toBe(50_000n);
});

test("a restored market hands over the same Lots", () => {
  const { market, other, sale } = marketWithHolder();
  market.run(sale({ quantity: 6 }));
  const copy = restoreCore(market.core.snapshot());
  const command = market.order(other, { quantity: 4 });
  expect(copy.execute(command, market.nowMs()).events).toEqual(
    market.core.execute(command, market.nowMs()).events,
  );
  expect(copy.snapshot()).toEqual(market.core.snapshot());
});

test("the odd micro-dollar of a shared bond is free again, and no Lot has more than it needs", () => {
  const { market, other, sale } = marketWithHolder({ bondMarginBps: 3_333 });
  market.run(sale({ quantity: 3 }));
  market.run(market.order(other, { quantity: 3 }));
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(23_331n);
  expect(market.state.ledger.holdAmount("lot2:margin")).toBe(9_999n);
  expect(UNIT).toBe(100);
});

test("asks that come back may end one another: a quote group that trips on the first is no disorder", () => {
  const market = createTestMarket();
  const s = market.supplier("S");
  const x = market.account("X", 100_000_000n, "advanced", { autoTransfer: false });
  market.deposit(s.account, 10_000_000n);
  market.ask(s.account, DOLLAR, 2 * UNIT);
  market.run(market.order(x, { quantity: 2 * UNIT }));
  market.ask(s.account, DOLLAR, UNIT);
  const group = { account: x, symbol: "text-lite", group: "g", quantityMax: UNIT };
  market.run({ type: "set-quote-group", ...group, windowMs: 60_000 });
  const sale = { side: "sell", priceTicks: 11_000, quantity: UNIT, issueMissing: false } as const;
  const { order } = market.run(market.order(x, { ...sale, group: "g" }));
  market.unlink(s.node);
  market.run(market.order(x, { quantity: UNIT, group: "g" }));
  const again = market.restored();
  for (const each of [market, again]) {
    each.link(s.node, 1000, "again");
    expect(each.state.orders.has(order)).toBe(false);
  }
});

test("a Lot between two slices of its sweep is sold by nobody", () => {
  const { market, buy, other, first } = marketWithHolder({ dueItemsPerTurnMax: 1 });
  buy(1, first.account, other);
  market.skip(4 * HOUR_MS - (market.nowMs() % (4 * HOUR_MS)));
  // The holder's sweep runs in this turn; that of the other is due, and waits.
  const sale = { side: "sell", quantity: 1, issueMissing: false } as const;
  expect(market.tryTo(market.order(other, sale))).toMatchObject({
    rejection: { code: "insufficient-units" },
  });
  market.advance(0);
});

test("Auto Mode is sold no Units backed by less than half their price, nor any that run out already", () => {
  const { market, holder, sale } = marketWithHolder();
  const buyer = market.account("auto", 10_000_000n);
  const dear = market.run(sale({ quantity: 1, priceTicks: 3 * DOLLAR })).order;
  expect(market.tryReserve(buyer, 100, 100)).toMatchObject({ rejection: { code: "no-supplier" } });
  market.run({ type: "cancel-order", account: holder, order: dear });
  const move = { account: holder, symbol: "text-lite", quantity: 10 };
  market.run({ type: "transfer-to-consumption", ...move });
  market.run({ type: "transfer-to-trading", ...move });
  market.run(sale({ quantity: 1 }));
  expect(market.tryReserve(buyer, 100, 100)).toMatchObject({ rejection: { code: "no-supplier" } });
});
