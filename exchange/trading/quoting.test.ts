/** What stands beside the published orders, over a real socket: batches, quotes, previews, switches, halts. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Published, PublishedClient } from "./published-client.fixture.ts";
import {
  type PublishedWorld,
  refusal,
  SYMBOL,
  startPublishedWorld,
} from "./published-world.fixture.ts";

let world: PublishedWorld;
let trader: PublishedClient;
let supplier: PublishedClient;
beforeAll(async () => {
  world = await startPublishedWorld();
  ({ trader, supplier } = world);
  await world.trade();
  await supplier.delete("/orders");
});
afterAll(() => world.close());

const book = async (): Promise<Published> => trader.get(`/markets/${SYMBOL}/orderbook`);

describe("a batch", () => {
  test("is answered order by order: what is refused stops none of the others", async () => {
    const { results } = await trader.post("/orders/batch", {
      orders: [
        world.order({ price: "0.50", client_order_id: "b-1" }),
        world.order({ price: "0.00005" }),
        world.order({ quantity: "9000" }),
        world.order({ market_id: "text-none" }),
        world.order({ price: "0.40" }),
      ],
    });
    expect(results.map((each: Published) => each.error?.code ?? null)).toEqual([
      null,
      "INVALID_PRICE",
      "INSUFFICIENT_BALANCE",
      "INSTRUMENT_NOT_FOUND",
      null,
    ]);
    expect(results[0]).toMatchObject({ client_order_id: "b-1", order_id: expect.any(String) });
    expect((await trader.get("/orders/count")).count).toBe(2);
    await trader.delete("/orders");
  });

  test("counts each of its orders, and may leave a debt", async () => {
    const { client } = await world.open("batcher", "5");
    const orders = Array.from({ length: 100 }, () =>
      world.order({ quantity: "0.01", price: "0.01" }),
    );
    await client.post("/orders/batch", { orders });
    expect(client.headers.get("x-ratelimit-remaining")).toBe("0");
    const error = await refusal(client.post("/orders/batch", { orders }));
    expect([error.status, error.code]).toEqual([429, "RATE_LIMIT_EXCEEDED"]);
    await client.delete("/orders");
  });

  test.each([
    ["none", []],
    ["more than 100", Array.from({ length: 101 }, () => ({}))],
  ])("of %s is refused", async (_name, orders) => {
    expect((await refusal(trader.post("/orders/batch", { orders }))).code).toBe("VALIDATION_ERROR");
  });
});

describe("quotes", () => {
  const quote = (quotes: object[], more: object = {}) =>
    supplier.put(`/markets/${SYMBOL}/quotes`, { quotes, ...more });

  test("replace the asks that were there, and keep those that are the same", async () => {
    const first = await quote([
      { price: "1.10", quantity: "1" },
      { price: "1.20", quantity: "2" },
    ]);
    expect(first).toMatchObject({ kept: 0, placed: 2, cancelled: 0 });
    const second = await quote([
      { price: "1.20", quantity: "2" },
      { price: "1.30", quantity: "1" },
    ]);
    expect(second).toMatchObject({ kept: 1, placed: 1, cancelled: 1 });
    expect(second.order_ids[0]).toBe(first.order_ids[1]);
    expect((await book()).asks.map((level: Published) => level.price)).toEqual([
      "1.2000",
      "1.3000",
    ]);
    expect(await quote([])).toMatchObject({ order_ids: [], cancelled: 2 });
  });

  test("of a group are pulled when their fills reach its limit, until it is armed again", async () => {
    const arm = () =>
      supplier.put(`/markets/${SYMBOL}/quote-groups/ladder`, {
        max_quantity: "1",
        window_ms: 60_000,
      });
    expect(await arm()).toEqual({ quote_group: "ladder", max_quantity: "1", window_ms: 60_000 });
    const quotes = [
      { price: "1.00", quantity: "1" },
      { price: "1.10", quantity: "1" },
    ];
    await quote(quotes, { quote_group: "ladder" });
    await trader.post("/orders", world.order({ price: "1.00", quantity: "1" }));
    expect((await book()).asks).toEqual([]);
    const tripped = await refusal(quote(quotes, { quote_group: "ladder" }));
    expect(tripped.code).toBe("QUOTE_GROUP_TRIPPED");
    await arm();
    const [order_id] = (await quote(quotes, { quote_group: "ladder" })).order_ids;
    expect(await supplier.get(`/orders/${order_id}`)).toMatchObject({ quote_group: "ladder" });
    await quote([]);
  });
});

test("a preview says what an order would do, changes nothing, and is refused as the order would be", async () => {
  await supplier.post("/orders", world.order({ side: "sell", price: "1.00", quantity: "1" }));
  const before = world.shell.state.seq;
  const preview = await trader.post(
    "/orders/preview",
    world.order({ price: "1.00", quantity: "1.5" }),
  );
  expect(preview).toMatchObject({
    quantity: "1.5",
    fills: [{ price: "1.0000", quantity: "1" }],
    filled_quantity: "1",
    total_value: "1.000000",
    fee: "0.010000",
    resting_quantity: "0.5",
    closure_reason: null,
  });
  const nothing = world.order({ price: "0.10", time_in_force: "ioc" });
  expect(await trader.post("/orders/preview", nothing)).toMatchObject({
    fills: [],
    closure_reason: "no_fill_no_liquidity",
  });
  const error = await refusal(trader.post("/orders/preview", world.order({ quantity: "9000" })));
  expect(error.code).toBe("INSUFFICIENT_BALANCE");
  expect(world.shell.state.seq).toBe(before);
  await supplier.delete("/orders");
});

test("a dead man's switch is set and taken back, within its bounds", async () => {
  const set = await trader.post("/orders/cancel-after", { timeout_ms: 60_000 });
  expect(Date.parse(set.cancels_at) - Date.now()).toBeGreaterThan(50_000);
  expect(await trader.post("/orders/cancel-after", { timeout_ms: 0 })).toEqual({
    cancels_at: null,
  });
  for (const timeout_ms of [4_999, 300_001, -1]) {
    const error = await refusal(trader.post("/orders/cancel-after", { timeout_ms }));
    expect(error.code).toBe("VALIDATION_ERROR");
  }
});

test("orders of a session end with it", async () => {
  await trader.post("/orders", world.order({ session: "desk" }));
  await trader.post("/orders", world.order({}));
  expect(await trader.delete("/sessions/desk/orders")).toEqual({ cancelled: 1 });
  expect(await trader.delete("/orders")).toEqual({ cancelled: 1 });
});

test("the operator halts a market, and it trades again after an auction", async () => {
  const halted = { phase: "halted", reason: "a look at the book" };
  expect(await world.operator("POST", `markets/${SYMBOL}/halt`, halted)).toEqual({
    symbol: SYMBOL,
    phase: "halted",
  });
  expect(await trader.get(`/markets/${SYMBOL}`)).toMatchObject({
    status: "suspended",
    trading_phase: "halted",
    phase_reason: "a look at the book",
  });
  const error = await refusal(trader.post("/orders", world.order({})));
  expect([error.status, error.code]).toEqual([409, "MARKET_CLOSED"]);
  await world.operator("POST", `markets/${SYMBOL}/resume`, { auction_ms: 0 });
  await expect
    .poll(async () => (await trader.get(`/markets/${SYMBOL}`)).status, { timeout: 10_000 })
    .toBe("active");
  await trader.post("/orders", world.order({}));
});
