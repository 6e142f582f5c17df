import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, test } from "vitest";
import { createTestMarket, DOLLAR, SYMBOL, UNIT } from "#exchange/core/core.fixture.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { type History, openHistory } from "./history.ts";
import type { PageRequest } from "./listing.ts";

const dir = mkdtempSync(join(tmpdir(), "gridspot-history-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let files = 0;
function newFile(): string {
  files += 1;
  return join(dir, `history-${files}.db`);
}
const all: PageRequest = { limit: 100, direction: "asc", cursor: null };

/** A supplier sells to a trader, serves a buyer in Auto Mode, and fails it once. */
function busyMarket() {
  const market = createTestMarket();
  const seller = market.supplier("seller").account;
  const trader = market.account("trader", 50_000_000n, "advanced");
  const buyer = market.account("buyer", 50_000_000n);
  const ask = market.ask(seller, DOLLAR, 5 * UNIT);
  const bid = market.run(market.order(trader, { quantity: 2 * UNIT })).order;
  const low = market.run(market.order(trader, { priceTicks: DOLLAR / 2 })).order;
  market.run({ type: "cancel-order", account: trader, order: low });
  const served = market.reserve(buyer, 1_000, 1_000);
  market.settle(served.delivery, 1_000, 500);
  const failed = market.reserve(buyer, 1_000, 1_000);
  market.run({
    type: "release-delivery",
    delivery: failed.delivery,
    attempt: 1,
    verdict: "failed",
    cause: "backend-failed",
    completionTokens: 0,
  });
  return { market, seller, trader, buyer, ask, bid, low, served, failed };
}

/** Everything that can be asked of a history, for comparison. */
function contents(history: History, accounts: readonly number[]): unknown {
  return {
    seq: history.lastSeq,
    trades: history.publicTrades(SYMBOL, 100),
    candles: history.candles(SYMBOL, "1m", { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }),
    accounts: accounts.map((account) => [
      history.orders(account, {}, all),
      history.fills(account, {}, all),
      history.deliveries(account, {}, all),
      history.issuances(account, {}, all),
      history.openOrderCounts(account),
    ]),
  };
}

test("orders stand as the core left them, open and closed", () => {
  const { market, trader, seller, ask, bid, low } = busyMarket();
  const history = openHistory(":memory:");
  history.apply(market.events);
  const live = market.state.orders.get(ask);
  expect(history.order(ask)).toMatchObject({
    status: "open",
    filled: live?.filled,
    valueMicros: live?.valueMicros,
    feeMicros: live?.feeMicros,
  });
  expect(history.order(bid)).toMatchObject({ status: "filled", filled: 2 * UNIT });
  expect(history.order(low)).toMatchObject({ status: "cancelled", closureReason: "cancelled" });
  expect(history.openOrderCounts(seller)).toEqual([{ symbol: SYMBOL, count: 1 }]);
  expect(history.openOrderCounts(trader)).toEqual([]);
  expect(history.orders(trader, { statuses: ["filled"] }, all).items).toHaveLength(1);
  expect(history.order(999)).toBeNull();
  history.close();
});

test("each party sees its side of a trade, the public sees neither", () => {
  const { market, trader, seller, bid } = busyMarket();
  const history = openHistory(":memory:");
  history.apply(market.events);
  const [bought] = history.fills(trader, { order: bid }, all).items;
  expect(bought).toMatchObject({ side: "buy", trade: { buyer: trader, seller, quantity: 200 } });
  expect(history.fills(seller, { side: "buy" }, all).items).toEqual([]);
  expect(history.publicTrades(SYMBOL, 1)).toHaveLength(1);
  history.close();
});

test("a delivery says how each attempt was judged, and why", () => {
  const { market, seller, buyer } = busyMarket();
  const history = openHistory(":memory:");
  history.apply(market.events);
  const [settled, failed] = history.deliveries(buyer, {}, all).items;
  expect(settled?.judged).toMatchObject([
    { supplier: seller, verdict: "good", tokens: 1_500, valueMicros: 1_500n },
  ]);
  expect(failed?.judged).toMatchObject([
    { attempt: 1, verdict: "failed", cause: "backend-failed", why: "the backend failed" },
  ]);
  history.close();
});

test("a delivery is found by its request id, by its buyer only, with what became of it", () => {
  const { market, seller, buyer, served, failed } = busyMarket();
  const history = openHistory(":memory:");
  history.apply(market.events);
  const listed = history.deliveries(buyer, {}, all).items;
  expect(listed.map(({ number, status }) => [number, status])).toEqual([
    [served.delivery, "settled"],
    [failed.delivery, "failed"],
  ]);
  expect(listed[0]).toMatchObject({ usedTokens: 1_500, supplier: seller, costMicros: 1_500n });
  expect(listed[1]).toMatchObject({ costMicros: 0n, cause: "backend-failed" });
  const requestId = listed[0]?.requestId ?? "";
  expect(history.deliveryByRequestId(buyer, requestId)).not.toBeNull();
  expect(history.deliveryByRequestId(seller, requestId)).toBeNull();
  expect(history.issuances(seller, {}, all).items).toMatchObject([{ toTrading: true }]);
  history.close();
});

describe("events count once", () => {
  const { market, seller, trader, buyer } = busyMarket();
  const accounts = [seller, trader, buyer];
  const whole = openHistory(":memory:");
  whole.apply(market.events);
  const expected = contents(whole, accounts);

  test.each([1, 2, 7])("in batches of %i with every batch sent twice", (size) => {
    const history = openHistory(":memory:");
    for (let at = 0; at < market.events.length; at += size) {
      const batch = market.events.slice(at, at + size);
      history.apply(batch);
      history.apply(batch);
    }
    expect(contents(history, accounts)).toEqual(expected);
    history.close();
  });

  test("when a batch overlaps what is there", () => {
    const history = openHistory(":memory:");
    history.apply(market.events.slice(0, 20));
    history.apply(market.events.slice(10));
    expect(contents(history, accounts)).toEqual(expected);
    history.close();
  });

  test("over a restart from the file", () => {
    const file = newFile();
    const before = openHistory(file);
    before.apply(market.events.slice(0, 25));
    before.close();
    const after = openHistory(file);
    expect(after.lastSeq).toBe(25);
    expect(after.catchUp(market.events)).toBe(market.events.length - 25);
    expect(contents(after, accounts)).toEqual(expected);
    after.close();
  });

  test("when a batch fails half way: nothing of it stays", () => {
    const history = openHistory(":memory:");
    const at = market.events.findIndex((event) => event.type === "trade");
    history.apply(market.events.slice(0, at));
    const seq = history.lastSeq;
    const broken = { ...market.events[at], makerOrder: 999 } as CoreEvent;
    expect(() => history.apply([broken])).toThrow(/no orders row 999/);
    expect(history.lastSeq).toBe(seq);
    history.apply(market.events.slice(at));
    expect(contents(history, accounts)).toEqual(expected);
    history.close();
  });

  test("and a gap is an error that says what to do", () => {
    const history = openHistory(":memory:");
    expect(() => history.apply(market.events.slice(3))).toThrow(
      /stands at event 0 and got 4; catch up/,
    );
    history.close();
  });
});

test("a file of another version is emptied, to be filled again from the journal", () => {
  const { market } = busyMarket();
  const file = newFile();
  const old = new Database(file);
  old.exec("CREATE TABLE orders (number INTEGER); CREATE TABLE progress (seq INTEGER)");
  old.close();
  const history = openHistory(file);
  expect(history.lastSeq).toBe(0);
  expect(history.catchUp(market.events)).toBe(market.events.length);
  history.close();
});

test("pages of a list join without gap or overlap, in both directions", () => {
  const market = createTestMarket();
  const trader = market.account("trader", 50_000_000n, "advanced");
  const placed: number[] = [];
  for (let n = 0; n < 11; n += 1) {
    placed.push(market.run(market.order(trader, { quantity: 1 })).order);
  }
  const history = openHistory(":memory:");
  history.apply(market.events);
  for (const direction of ["asc", "desc"] as const) {
    const seen: number[] = [];
    let cursor: PageRequest["cursor"] = null;
    for (;;) {
      const page = history.orders(trader, {}, { limit: 4, direction, cursor });
      seen.push(...page.items.map((order) => order.number));
      if (page.nextCursor === null) break;
      cursor = { next: page.nextCursor };
    }
    expect(seen).toEqual(direction === "asc" ? placed : placed.toReversed());
    const last = history.orders(
      trader,
      {},
      { limit: 3, direction, cursor: { prev: seen[8] ?? 0 } },
    );
    expect(last.items.map((order) => order.number)).toEqual(seen.slice(5, 8));
  }
  history.close();
});
