/**
 * Everything that a trader can do at The Grid, done here by a client that knows their published text
 * and nothing of ours, over real sockets, against a whole exchange on a real disk.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Published, PublishedClient } from "./published-client.fixture.ts";
import { missingFields } from "./published-fields.fixture.ts";
import { type PublishedWorld, refusal, startPublishedWorld } from "./published-world.fixture.ts";

let world: PublishedWorld;
let trader: PublishedClient;
let market: Published;
beforeAll(async () => {
  world = await startPublishedWorld();
  ({ trader, market } = world);
  await world.trade();
});
afterAll(() => world.close());

describe("a trader", () => {
  test("places a limit order that rests, reads it, and cancels it with 204", async () => {
    const placed = await trader.post(
      "/orders",
      world.order({ client_order_id: "first", post_only: true }),
    );
    expect(trader.status).toBe(201);
    expect(placed.client_order_id).toBe("first");
    const read = await trader.get(`/orders/${placed.order_id}`);
    expect(missingFields("order", read)).toEqual([]);
    expect(read).toMatchObject({ status: "open", price: "0.5000", filled_quantity: "0" });
    expect(await trader.get(`/orders/${placed.order_id.replace("_", "-")}`)).toEqual(read);
    expect(await trader.delete(`/orders/${placed.order_id}`)).toBeNull();
    expect(trader.status).toBe(204);
    const again = await refusal(trader.delete(`/orders/${placed.order_id}`));
    expect(again.detail).toBe("order_already_cancelled");
    const closed = await trader.get(`/orders/${placed.order_id}`);
    expect(closed).toMatchObject({ status: "cancelled", closure_reason: "cancelled" });
    expect(closed.closed_at).not.toBeNull();
  });

  test.each([
    ["a market order", { type: "market", price: undefined, quantity: "0.5" }, "filled", null],
    ["an ioc order", { time_in_force: "ioc", price: "1.00", quantity: "0.5" }, "filled", null],
    [
      "an ioc order that meets nothing",
      { time_in_force: "ioc" },
      "cancelled",
      "no_fill_no_liquidity",
    ],
    [
      "a fok order that cannot be filled",
      { time_in_force: "fok", price: "1.00", quantity: 90 },
      "cancelled",
      "no_fill_no_liquidity",
    ],
    ["a day order", { time_in_force: "day" }, "open", null],
    [
      "a stop order",
      { type: "stop", price: undefined, stop_price: "1.50", quantity: "0.1" },
      "pending",
      null,
    ],
    [
      "a stop_limit order",
      { type: "stop_limit", stop_price: "1.50", price: "1.60", quantity: "0.1" },
      "pending",
      null,
    ],
  ])("places %s", async (_name, fields, status, closure_reason) => {
    const placed = await trader.post("/orders", world.order(fields));
    expect(await trader.get(`/orders/${placed.order_id}`)).toMatchObject({
      status,
      closure_reason,
    });
  });

  test("lists orders by filters, in either direction, page by page", async () => {
    const active = await trader.get("/orders", { status: "active", limit: 1 });
    expect(active).toHaveLength(1);
    expect(trader.paging).toMatchObject({ has_more: true, prev_cursor: null });
    const [first] = active;
    const [second] = await trader.get("/orders", {
      status: "active",
      limit: 1,
      next: trader.paging.next_cursor,
    });
    expect(second.order_id).not.toBe(first.order_id);
    const [back] = await trader.get("/orders", {
      status: "active",
      limit: 1,
      prev: trader.paging.prev_cursor,
    });
    expect(back.order_id).toBe(first.order_id);
    const newest = await trader.get("/orders", {
      order_by: "submitted_at",
      order_direction: "desc",
    });
    const times = newest.map((each: Published) => Date.parse(each.submitted_at));
    expect(times).toEqual(times.toSorted((a: number, b: number) => b - a));
    for (const query of [
      { market_id: market.market_id },
      { market_id: market.market_id.replace("_", "-") },
      { instrument_id: market.instruments[0].instrument_id },
      { side: "buy" },
      { start_datetime: "2020-01-01T00:00:00Z", end_datetime: "2100-01-01T00:00:00Z" },
      { trader_id: newest[0].trader_id },
    ] as Record<string, string>[]) {
      expect(await trader.get("/orders", query)).toHaveLength(newest.length);
    }
    for (const status of ["rejected", "expired", "cancellation_pending"]) {
      expect(await trader.get("/orders", { status })).toEqual([]);
    }
  });

  test("counts its open orders and cancels them per market and all at once", async () => {
    const counted = await trader.get("/orders/count");
    expect(counted).toMatchObject({
      count: 3,
      by_market: [{ market_id: market.market_id, count: 3 }],
    });
    expect(await trader.delete(`/markets/${market.market_id}/orders`)).toEqual({ cancelled: 3 });
    await trader.post("/orders", world.order({}));
    expect(await trader.delete("/orders")).toEqual({ cancelled: 1 });
    expect((await trader.get("/orders/count")).count).toBe(0);
  });

  test("reads its fills, one by one and by filters", async () => {
    const trades = await trader.get("/trades", { order_direction: "desc" });
    expect(missingFields("trade", trades[0])).toEqual([]);
    expect(trades[0]).toMatchObject({ status: "settled", side: "buy", price: "1.0000" });
    const { trade_id, order_id } = trades[0];
    expect(await trader.get(`/trades/${trade_id}`)).toEqual(trades[0]);
    expect(await trader.get("/trades", { trade_id })).toEqual([trades[0]]);
    expect(await trader.get("/trades", { order_id })).toEqual([trades[0]]);
  });

  test("reads its accounts, each by its id, in either form", async () => {
    for (const [path, what] of [
      ["/trading-accounts", "tradingAccount"],
      ["/currency-trading-accounts", "currencyAccount"],
      ["/consumption-accounts", "consumptionAccount"],
    ] as const) {
      const [row] = await trader.get(path);
      expect([path, missingFields(what, row)]).toEqual([path, []]);
      expect(await trader.get(`${path}/${row.account_id}`)).toEqual(row);
      expect(await trader.get(`${path}/${row.account_id.replaceAll("_", "-")}`)).toEqual(row);
    }
  });

  test("moves Units to Consumption and back, and reads what moved", async () => {
    const { instrument_id } = market.instruments[0];
    const balance = async (path: string) => {
      const rows = await trader.get(path);
      return rows.find((each: Published) => each.instrument_id === instrument_id).available_balance;
    };
    expect(await balance("/trading-accounts")).toBe("3");
    const there = await trader.post("/transfers/trading-to-consumption", {
      instrument_id,
      quantity: 2,
    });
    expect([trader.status, there]).toMatchObject([202, { transfer_id: expect.any(String) }]);
    expect(await balance("/consumption-accounts")).toBe("2");
    await trader.post("/transfers/consumption-to-trading", { instrument_id, quantity: "1" });
    expect([await balance("/trading-accounts"), await balance("/consumption-accounts")]).toEqual([
      "2",
      "1",
    ]);
    const histories = await trader.get("/transfer-histories");
    expect(missingFields("transfer", histories[0])).toEqual([]);
    expect(histories.map((each: Published) => each.quantity)).toEqual(["2", "1"]);
    expect(histories[0].transfer_id).toBe(there.transfer_id);
    expect(await trader.get("/transfers/histories")).toEqual(histories);
    const [lot] = await trader.get("/accounts/lots", { status: "active" });
    expect(missingFields("lot", lot)).toEqual([]);
    expect(await trader.get(`/accounts/lots/${lot.lot_id}`)).toEqual(lot);
  });

  test("reads its position", async () => {
    const [position] = await trader.get("/positions");
    expect(missingFields("position", position)).toEqual([]);
    expect(position).toMatchObject({
      quantity: "3",
      average_cost: "1.000000",
      total_cost: "3.000000",
      status: "open",
    });
  });

  test("reads who it is, its limits and how it stands", async () => {
    const me = await trader.get("/me");
    expect(missingFields("me", me)).toEqual([]);
    expect(me).toMatchObject({ account_mode: "advanced" });
    const limits = await trader.get("/account/limits", { market_id: market.market_id });
    expect(missingFields("limits", limits)).toEqual([]);
    expect(Object.keys(limits.order_rate_limits)).toEqual([
      ...["scope", "max_orders_per_second", "max_orders_per_minute", "burst_capacity"],
      "window_seconds",
    ]);
    const diagnostics = await trader.get("/diagnostics");
    expect(missingFields("diagnostics", diagnostics)).toEqual([]);
    expect(missingFields("check", diagnostics.checks[0])).toEqual([]);
    expect(diagnostics.status).toBe("ok");
  });

  test("makes, lists and revokes keys of both kinds", async () => {
    const other = world.newClient();
    const signing_key = { label: "second", public_key: other.publicKey };
    const created = await trader.post("/signing-keys", { signing_key });
    expect(created.fingerprint).toBe(other.fingerprint);
    expect((await other.get("/me")).user_id).toBe((await trader.get("/me")).user_id);
    const listed = await trader.get("/signing-keys");
    const row = listed.find((each: Published) => each.id === created.id);
    expect(row.fingerprint_prefix).toBe(other.fingerprint.slice(0, 8));
    await trader.delete(`/signing-keys/${created.id}`);
    expect((await refusal(other.get("/me"))).code).toBe("INVALID_SIGNATURE");

    const key = await trader.post("/api-keys", { api_key: { name: "app", expires_at: null } });
    expect([missingFields("apiKey", key), key.key]).toEqual([
      [],
      expect.stringMatching(/^gs_live_/),
    ]);
    const shown = await trader.get(`/api-keys/${key.id}`);
    expect([shown.name, shown.key]).toEqual(["app", undefined]);
    expect(await trader.get("/api-keys")).toEqual([shown]);
    await trader.put(`/api-keys/${key.id}`, { api_key: { is_active: false } });
    expect((await refusal(trader.delete(`/api-keys/${key.id}`))).code).toBe("KEY_NOT_FOUND");
  });
});
