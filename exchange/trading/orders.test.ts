import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { publicId } from "#protocol/ids.ts";
import { createTestExchange, type TestExchange, type Trader } from "./trading.fixture.ts";

let exchange: TestExchange;
let seller: Trader;
let buyer: Trader;

const limit = (side: string, price: string, quantity: string | number, more: object = {}) => ({
  market_id: SYMBOL,
  side,
  type: "limit",
  price,
  quantity,
  ...more,
});
const idOf = (answer: { body: { data?: unknown } }) =>
  (answer.body.data as { order_id: string }).order_id;

beforeAll(async () => {
  exchange = await createTestExchange();
  seller = await exchange.supplier("seller", 100);
  buyer = await exchange.trader("buyer", 20n);
  await seller.post("/v1/supply-issuances", { instrument_id: SYMBOL, quantity: 50 });
  await seller.post("/v1/issuance-accounts/transfer", { instrument_id: SYMBOL, quantity: "50" });
});
afterAll(() => exchange.close());

test("a signed order rests, shows in the book, and answers with the whole order", async () => {
  const placed = await seller.post("/v1/orders", limit("sell", "1.25", "0.05"));
  expect(placed.status).toBe(201);
  expect(placed.headers["x-gridspot-seq"]).toBe(String(exchange.shell.state.seq));
  expect(placed.headers).toMatchObject({ "x-ratelimit-limit": "50", "x-ratelimit-reset": "1" });
  expect(placed.body.data).toMatchObject({
    side: "sell",
    type: "limit",
    status: "open",
    price: "1.2500",
    quantity: "0.05",
    filled_quantity: "0",
    fee: "0.000000",
    time_in_force: "gtc",
    closure_reason: null,
  });
  const book = await exchange.send("GET", `/v1/markets/${SYMBOL}/orderbook?depth=1`);
  expect(book.body.data).toMatchObject({
    sell: [{ price: "1.2500", quantity: "0.05", total: "0.05", order_count: 1 }],
    bids: [],
  });
  const cancelled = await seller.delete(`/v1/orders/${idOf(placed)}`);
  expect([cancelled.status, cancelled.body]).toEqual([204, {}]);
});

test("a trade shows in the order, in both parties' trades, in public and in the balances", async () => {
  const ask = await seller.post("/v1/orders", limit("sell", "1.00", 1));
  const market = exchange.shell.state.instruments.get(SYMBOL)?.number ?? 0;
  const filled = await buyer.post("/v1/orders", {
    market_id: publicId("market", market),
    side: "buy",
    type: "market",
    quantity: "0.5",
    time_in_force: "gtc",
  });
  expect(filled.body.data).toMatchObject({
    status: "filled",
    filled_quantity: "0.5",
    average_price: "1.000000",
    fee: "0.005000",
    price: null,
  });
  const left = await seller.get(`/v1/orders/${idOf(ask)}`);
  expect(left.body.data).toMatchObject({ status: "partially_filled", filled_quantity: "0.5" });
  const mine = await buyer.get(`/v1/trades?order_id=${idOf(filled)}`);
  expect(mine.body.data).toMatchObject([
    { side: "buy", total_value: "0.500000", fee: "0.005000", status: "settled" },
  ]);
  const theirs = await seller.get(`/v1/trades?order_id=${idOf(ask)}`);
  expect(theirs.body.data).toMatchObject([{ side: "sell", fee: "0.000000" }]);
  const open = await exchange.send("GET", `/v1/markets/${SYMBOL}/trades?limit=1`);
  expect(open.body.data).toMatchObject([{ price: "1.0000", quantity: "0.5", side: "buy" }]);
  expect(JSON.stringify(open.body)).not.toContain("order_id");
  const money = await buyer.get("/v1/currency-trading-accounts");
  expect(money.body.data).toMatchObject([
    { currency: "USD", total_balance: "19.495000", locked_balance: "0.000000" },
  ]);
  const units = await buyer.get("/v1/trading-accounts");
  expect(units.body.data).toContainEqual(
    expect.objectContaining({ instrument_symbol: SYMBOL, available_balance: "0.5" }),
  );
  const own = await seller.get("/v1/trading-accounts");
  expect(own.body.data).toContainEqual(
    expect.objectContaining({
      instrument_symbol: SYMBOL,
      total_balance: "49.5",
      locked_balance: "0.5",
      available_balance: "49",
    }),
  );
  const liability = await seller.get(`/v1/supplier-liability/${SYMBOL}`);
  expect(liability.body.data).toMatchObject({ outstanding: "0.5", fulfilled: "0" });
  const ticker = await exchange.send("GET", `/v1/markets/${SYMBOL}/ticker`);
  expect(ticker.body.data).toMatchObject({ last_price: "1.0000", lowest_ask: "1.0000" });
  await seller.delete("/v1/orders");
});

describe("cancelling", () => {
  test("a second cancel is 409 with the published detail, a filled order is not cancellable", async () => {
    const placed = await buyer.post("/v1/orders", limit("buy", "0.10", 1));
    expect((await buyer.delete(`/v1/orders/${idOf(placed)}`)).status).toBe(204);
    const again = await buyer.delete(`/v1/orders/${idOf(placed)}`);
    expect(again.status).toBe(409);
    expect(again.body.errors).toMatchObject({
      detail: "order_already_cancelled",
      code: "ORDER_ALREADY_CANCELLED",
    });
    const ask = await seller.post("/v1/orders", limit("sell", "0.50", "0.01"));
    await buyer.post("/v1/orders", limit("buy", "0.50", "0.01"));
    const filled = await seller.delete(`/v1/orders/${idOf(ask)}`);
    expect([filled.status, filled.body.errors?.code]).toEqual([409, "ORDER_NOT_CANCELLABLE"]);
  });

  test("nobody sees or cancels another account's order", async () => {
    const placed = await buyer.post("/v1/orders", limit("buy", "0.10", 1));
    for (const answer of [
      await seller.get(`/v1/orders/${idOf(placed)}`),
      await seller.delete(`/v1/orders/${idOf(placed)}`),
    ]) {
      expect([answer.status, answer.body.errors?.code]).toEqual([404, "ORDER_NOT_FOUND"]);
    }
    expect((await buyer.get(`/v1/orders/${idOf(placed)}`)).body.data).toMatchObject({
      status: "open",
    });
  });

  test("all of a market and all of an account go at once, and the count follows", async () => {
    await buyer.delete("/v1/orders");
    for (const price of ["0.10", "0.11"]) await buyer.post("/v1/orders", limit("buy", price, 1));
    expect((await buyer.get("/v1/orders/count")).body.data).toMatchObject({
      count: 2,
      by_market: [{ count: 2 }],
    });
    const other = await buyer.delete("/v1/markets/text-prime/orders");
    expect(other.body.data).toEqual({ cancelled: 0 });
    const all = await buyer.delete(`/v1/markets/${SYMBOL}/orders`);
    expect(all.body.data).toEqual({ cancelled: 2 });
    expect((await buyer.delete("/v1/orders")).body.data).toEqual({ cancelled: 0 });
  });
});

test("a list pages forward and back without a gap, and filters", async () => {
  const pager = await exchange.trader("pager", 100n);
  const placed: string[] = [];
  for (let n = 1; n <= 5; n += 1) {
    placed.push(idOf(await pager.post("/v1/orders", limit("buy", "0.10", n))));
  }
  const ids = (answer: { body: { data?: unknown } }) =>
    (answer.body.data as { order_id: string }[]).map((order) => order.order_id);
  const first = await pager.get("/v1/orders?limit=2");
  expect(ids(first)).toEqual(placed.slice(0, 2));
  expect(first.body.paging).toMatchObject({ has_more: true, prev_cursor: null });
  const second = await pager.get(`/v1/orders?limit=2&next=${first.body.paging?.next_cursor}`);
  expect(ids(second)).toEqual(placed.slice(2, 4));
  const third = await pager.get(`/v1/orders?limit=2&next=${second.body.paging?.next_cursor}`);
  expect(ids(third)).toEqual(placed.slice(4));
  expect(third.body.paging).toMatchObject({ has_more: false, next_cursor: null });
  const back = await pager.get(`/v1/orders?limit=2&prev=${second.body.paging?.prev_cursor}`);
  expect(ids(back)).toEqual(placed.slice(0, 2));
  const newest = await pager.get("/v1/orders?limit=2&order_direction=desc");
  expect(ids(newest)).toEqual([placed[4], placed[3]]);

  await pager.delete(`/v1/orders/${placed[0]}`);
  expect(ids(await pager.get("/v1/orders?status=active"))).toEqual(placed.slice(1));
  expect(ids(await pager.get("/v1/orders?status=cancelled"))).toEqual([placed[0]]);
  const nested = "flop[filters][0][field]=status&flop[filters][0][value]=cancelled";
  expect(ids(await pager.get(`/v1/orders?${nested}`))).toEqual([placed[0]]);
  expect(ids(await pager.get("/v1/orders?side=sell"))).toEqual([]);
  expect(ids(await pager.get("/v1/orders?end_datetime=2020-01-01"))).toEqual([]);
});

test.each([
  ["limit=0", "limit"],
  ["limit=1e2", "limit"],
  ["side=bid", "side"],
  ["status=gone", "status"],
  ["next=abc", "next"],
  ["start_datetime=yesterday", "start_datetime"],
  ["acount=1", "acount"],
  ["side=buy&side=sell", "side"],
])("a list refuses ?%s and names %s", async (query, field) => {
  const refused = await buyer.get(`/v1/orders?${query}`);
  expect([refused.status, refused.body.errors?.code]).toEqual([422, "VALIDATION_ERROR"]);
  expect(refused.body.errors?.details).toMatchObject({ field });
});

test("the same client_order_id gives the first order, another order under it is refused", async () => {
  const order = limit("buy", "0.10", 1, { client_order_id: "mine-1" });
  const first = await buyer.post("/v1/orders", order);
  const again = await buyer.post("/v1/orders", order);
  expect(idOf(again)).toBe(idOf(first));
  const other = await buyer.post("/v1/orders", { ...order, quantity: 2 });
  expect([other.status, other.body.errors?.code]).toEqual([409, "DUPLICATE_CLIENT_ORDER_ID"]);
});

test("an account in Auto Mode may look but not place, with the published detail", async () => {
  const easy = await exchange.trader("easy", 5n, "easy");
  const refused = await easy.post("/v1/orders", limit("buy", "0.10", 1));
  expect(refused.status).toBe(403);
  expect(refused.body.errors).toMatchObject({
    detail: "auto_mode_trading_restricted",
    code: "AUTO_MODE_TRADING_RESTRICTED",
  });
  expect((await easy.get("/v1/me")).body.data).toMatchObject({ account_mode: "easy" });
});

describe("bad orders", () => {
  const good = JSON.stringify(limit("buy", "0.10", "1"));
  test.each<[string, string, number, string, RegExp]>([
    ["JSON that ends early", good.slice(0, -1), 400, "MALFORMED_JSON", /not JSON/],
    ["NaN", good.replace('"1"', "NaN"), 400, "MALFORMED_JSON", /NaN/],
    ["NaN in quotes", good.replace('"1"', '"NaN"'), 400, "INVALID_QUANTITY", /plain decimal/],
    ["a negative quantity", good.replace('"1"', "-1"), 400, "INVALID_QUANTITY", /"-1"/],
    ["zero", good.replace('"1"', '"0.00"'), 400, "INVALID_QUANTITY", /more than 0/],
    [
      "between increments",
      good.replace('"1"', '"0.005"'),
      400,
      "INVALID_QUANTITY",
      /increment 0.01/,
    ],
    ["a JSON fraction", good.replace('"1"', "0.05"), 400, "INVALID_QUANTITY", /decimal string/],
    ["more than any order", good.replace('"1"', '"99999999"'), 400, "INVALID_QUANTITY", /largest/],
    ["a huge number", good.replace('"1"', "1e400"), 400, "INVALID_QUANTITY", /decimal string/],
    ["an exponent", good.replace('"1"', '"1e3"'), 400, "INVALID_QUANTITY", /exponent/],
    [
      "no quantity",
      good.replace(',"quantity":"1"', ""),
      422,
      "VALIDATION_ERROR",
      /quantity is missing/,
    ],
    ["a null quantity", good.replace('"1"', "null"), 400, "INVALID_QUANTITY", /null/],
    ["a negative price", good.replace("0.10", "-0.10"), 400, "INVALID_PRICE", /plain decimal/],
    ["a free Unit", good.replace("0.10", "0"), 400, "INVALID_PRICE", /more than 0/],
    ["between ticks", good.replace("0.10", "0.00001"), 400, "INVALID_PRICE", /tick 0.000100/],
    ["too many places", good.replace("0.10", "0.123456789"), 400, "INVALID_PRICE", /8 after/],
    ["a price as number", good.replace('"0.10"', "0.1"), 400, "INVALID_PRICE", /decimal string/],
    ["a limit without price", good.replace(',"price":"0.10"', ""), 400, "INVALID_PRICE", /missing/],
    ["over the balance", good.replace('"1"', '"9000"'), 422, "INSUFFICIENT_BALANCE", /needs 909/],
    ["an unknown field", good.replace("{", '{"colour":1,'), 422, "VALIDATION_ERROR", /colour/],
    ["__proto__", good.replace("{", '{"__proto__":{},'), 422, "VALIDATION_ERROR", /__proto__/],
    ["an unknown side", good.replace('"buy"', '"bid"'), 422, "VALIDATION_ERROR", /buy, sell/],
    [
      "a stop without its price",
      good.replace('"limit"', '"stop"'),
      400,
      "INVALID_PRICE",
      /stop_price/,
    ],
    ["a list", "[]", 422, "VALIDATION_ERROR", /object/],
    ["an unknown market", good.replace(SYMBOL, "market_1"), 404, "MARKET_NOT_FOUND", /market_1/],
    ["an unknown instrument", good.replace(SYMBOL, "nope"), 404, "INSTRUMENT_NOT_FOUND", /nope/],
  ])("%s is refused by name", async (_name, body, status, code, message) => {
    const before = exchange.shell.state.seq;
    const refused = await buyer.post("/v1/orders", body);
    expect([refused.status, refused.body.errors?.code]).toEqual([status, code]);
    expect(refused.body.errors?.message).toMatch(message);
    expect(exchange.shell.state.seq).toBe(before);
  });

  test("a body over 64 KiB is refused before anything looks at it", async () => {
    const refused = await buyer.post("/v1/orders", `{"a":"${"x".repeat(70_000)}"}`);
    expect([refused.status, refused.body.errors?.code]).toEqual([413, "BODY_TOO_LARGE"]);
  });
});

test("nothing broke on the way", () => {
  expect(exchange.errors).toEqual([]);
});
