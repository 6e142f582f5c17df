import { describe, expect, test } from "vitest";
import { DOLLAR, SYMBOL, UNIT } from "#exchange/core/core.fixture.ts";
import { canServe } from "#exchange/core/supply/capacity.ts";
import { createServingMarket } from "./serving.fixture.ts";
import { weightBps } from "./standing.ts";

const UNSUSPENDED = { suspensionRequestsMin: 1e9, throttleRequestsMin: 1e9 };
const HOUR_MS = 3_600_000;

describe("the breaker", () => {
  test("opens at the fifth failure in a row: nothing is dispatched, and its asks leave the book", () => {
    const { market, supplier, buyer, fail, standing, events } = createServingMarket(UNSUSPENDED);
    const ask = market.ask(supplier, 2 * DOLLAR, UNIT);
    fail(4);
    expect(standing.breaker.phase).toBe("closed");
    fail();
    expect(events("breaker-opened")).toMatchObject([
      { openings: 1, halfOpensAtMs: market.nowMs() + 30_000 },
    ]);
    expect(canServe(market.state, supplier, SYMBOL)).toBe(false);
    expect(market.state.orders.get(ask)?.status).toBe("suspended");
    expect(market.tryReserve(buyer, 100, 100)).toMatchObject({
      rejection: { code: "no-supplier" },
    });
  });

  test("does not open when a good delivery came between, or when they took longer than two minutes", () => {
    const { market, good, fail, standing } = createServingMarket(UNSUSPENDED);
    fail(4);
    good();
    fail(4);
    market.advance(120_001);
    fail();
    expect(standing.breaker.phase).toBe("closed");
  });

  test("is no matter of excused deliveries", () => {
    const { end, standing } = createServingMarket(UNSUSPENDED);
    for (let n = 0; n < 10; n += 1) end("excused", "client-gone");
    expect(standing.breaker.phase).toBe("closed");
  });

  test("says so to a supplier that offers meanwhile", () => {
    const { market, supplier, fail } = createServingMarket(UNSUSPENDED);
    fail(5);
    const outcome = market.tryTo(
      market.order(supplier, { side: "sell", priceTicks: DOLLAR, quantity: 1 }),
    );
    expect(outcome).toMatchObject({
      ok: false,
      rejection: {
        code: "supplier-paused",
        message: expect.stringContaining("2026-11-02T00:00:30"),
      },
    });
  });

  test("half-opens after 30 s; one good delivery closes it", () => {
    const { market, supplier, fail, good, standing } = createServingMarket(UNSUSPENDED);
    fail(5);
    market.advance(29_999);
    expect(standing.breaker.phase).toBe("open");
    market.advance(1);
    expect(standing.breaker.phase).toBe("half-open");
    expect(canServe(market.state, supplier, SYMBOL)).toBe(true);
    good();
    expect(standing.breaker).toEqual({ phase: "closed" });
  });

  test("opens again at the first failure on trial, each time for twice as long, up to ten minutes", () => {
    const { market, fail, events } = createServingMarket(UNSUSPENDED);
    fail(5);
    for (let n = 0; n < 6; n += 1) {
      market.advance((events("breaker-opened").at(-1)?.halfOpensAtMs ?? 0) - market.nowMs());
      fail();
    }
    const openMs = events("breaker-opened").map(({ halfOpensAtMs, atMs }) => halfOpensAtMs - atMs);
    expect(openMs).toEqual([30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000]);
  });

  test("keeps asks for when it half-opens, however long that is: then they stand behind all others", () => {
    const { market, supplier, fail } = createServingMarket({
      ...UNSUSPENDED,
      breakerOpenMs: 600_000,
    });
    const ask = market.ask(supplier, 2 * DOLLAR, UNIT);
    fail(5);
    const other = market.supplier("T");
    const later = market.ask(other.account, 2 * DOLLAR, UNIT);
    market.advance(599_999);
    expect(market.state.orders.get(ask)?.status).toBe("suspended");
    market.advance(1);
    expect(market.state.orders.get(ask)?.status).toBe("open");
    const buyer = market.account("C", 1_000_000_000n, "advanced");
    market.run(market.order(buyer, { priceTicks: 2 * DOLLAR, quantity: UNIT }));
    expect(market.state.orders.has(later)).toBe(false);
    expect(market.state.orders.has(ask)).toBe(true);
  });

  test("does not spare asks the grace of a link that is lost meanwhile", () => {
    const { market, supplier, node, fail } = createServingMarket(UNSUSPENDED);
    market.ask(supplier, 2 * DOLLAR, UNIT);
    fail(5);
    market.unlink(node);
    market.advance(25_000);
    expect(market.state.orders.size).toBe(0);
    expect(market.events.at(-1)).not.toMatchObject({ type: "breaker-half-opened" });
  });

  test("keeps asks out when the link comes back while it is open", () => {
    const { market, supplier, node, fail } = createServingMarket(UNSUSPENDED);
    const ask = market.ask(supplier, 2 * DOLLAR, UNIT);
    fail(5);
    market.unlink(node);
    market.link(node, 1_000);
    expect(market.state.orders.get(ask)?.status).toBe("suspended");
    expect(canServe(market.state, supplier, SYMBOL)).toBe(false);
  });
});

describe("the throttle", () => {
  const UNBROKEN = { breakerFailures: 1e9, suspensionRequestsMin: 1e9 };

  test("halves a weight every 30 s while more than 15 % fail, and gives a tenth back below", () => {
    const { market, supplier, good, fail } = createServingMarket(UNBROKEN);
    const weight = () => weightBps(market.state, supplier, SYMBOL);
    good(16);
    fail(3);
    expect(weight()).toBe(10_000);
    fail();
    expect(weight()).toBe(5_000);
    const weights: number[] = [];
    for (let n = 0; n < 14; n += 1) {
      market.advance(30_000);
      weights.push(weight());
    }
    // What failed is forgotten after five minutes.
    expect(weights.slice(0, 5)).toEqual([2_500, 1_250, 625, 312, 156]);
    expect(weights.slice(8)).toEqual([100, 1_100, 2_100, 3_100, 4_100, 5_100]);
    for (let n = 0; n < 5; n += 1) market.advance(30_000);
    expect(weight()).toBe(10_000);
  });

  test("says nothing of fewer than twenty deliveries", () => {
    const { supplier, market, fail } = createServingMarket(UNBROKEN);
    fail(19);
    expect(weightBps(market.state, supplier, SYMBOL)).toBe(10_000);
  });
});

describe("suspension", () => {
  const UNBROKEN = { breakerFailures: 1e9, throttleRequestsMin: 1e9 };

  test("comes when three times the promised error rate of 2 % is proved: 15 of 115, not 14 of 114", () => {
    const { good, fail, standing, events } = createServingMarket(UNBROKEN);
    good(100);
    fail(14);
    expect(standing.suspendedUntilMs).toBeNull();
    fail();
    expect(events("supplier-suspended")).toMatchObject([
      { level: 1, why: "15 of 115 failed: at least 6.13 %, limit 6 %" },
    ]);
  });

  test("is not for bad luck in fewer than a hundred deliveries", () => {
    const { fail, standing } = createServingMarket(UNBROKEN);
    fail(99);
    expect(standing.suspendedUntilMs).toBeNull();
    fail();
    expect(standing.suspendedUntilMs).not.toBeNull();
  });

  test("cancels asks and refuses new Units in words; Lots that are owed are served", () => {
    const { market, supplier, good, fail, events } = createServingMarket(UNBROKEN);
    market.ask(supplier, 2 * DOLLAR, UNIT);
    fail(100);
    expect(market.state.orders.size).toBe(0);
    expect(events("order-closed").at(-1)).toMatchObject({ reason: "supplier_suspended" });
    const ask = market.tryTo(market.order(supplier, { side: "sell", quantity: 1 }));
    expect(ask).toMatchObject({
      rejection: {
        code: "supplier-suspended",
        message: expect.stringContaining("2026-11-02T01:00"),
      },
    });
    const issue = market.tryTo({
      type: "issue-supply",
      account: supplier,
      symbol: SYMBOL,
      quantity: 1,
    });
    expect(issue).toMatchObject({ rejection: { code: "supplier-suspended" } });
    good();
  });

  test("ends by itself, in probation, and what led to it does not suspend again", () => {
    const { market, supplier, good, fail, standing } = createServingMarket(UNBROKEN);
    fail(100);
    market.advance(HOUR_MS);
    expect(standing).toMatchObject({ suspendedUntilMs: null, tier: "probation", rolling: [] });
    market.ask(supplier, DOLLAR, UNIT);
    good();
    fail();
    expect(standing.suspendedUntilMs).toBeNull();
  });

  test("lasts longer each time, and a week without one forgives a level", () => {
    const { market, fail, buyUnits, standing, events } = createServingMarket(UNBROKEN, 1);
    const hours: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      fail(100);
      const { untilMs, atMs } = events("supplier-suspended").at(-1) ?? { untilMs: 0, atMs: 0 };
      hours.push((untilMs - atMs) / HOUR_MS);
      market.advance(untilMs - atMs);
      buyUnits(1);
    }
    expect(hours).toEqual([1, 6, 24, 168, 168]);
    market.advance(2 * 604_800_000);
    buyUnits(1);
    fail(100);
    expect(standing.suspensionLevel).toBe(4);
  });
});
