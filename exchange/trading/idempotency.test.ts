/** POSTs that come again under an Idempotency-Key, over a real socket. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Listening, listenOnFreePort } from "./signed-client.fixture.ts";
import { createTestExchange, type TestExchange, type Trader } from "./trading.fixture.ts";

let exchange: TestExchange;
let client: Listening;
let trader: Trader;
beforeAll(async () => {
  exchange = await createTestExchange();
  client = await listenOnFreePort(exchange);
  trader = await exchange.trader("trader", 10n);
});
afterAll(() => exchange.close());

const now = () => String(Math.floor(exchange.clock.nowMs() / 1000));
const order = { market_id: "text-lite", side: "buy", type: "limit", quantity: "1", price: "0.10" };
const post = (target: string, body: object, key: string) => {
  const wire = client.sign(trader, {
    method: "POST",
    target,
    body: JSON.stringify(body),
    timestamp: now(),
  });
  return { ...wire, headers: { ...wire.headers, "idempotency-key": key } };
};
const newKey = (name: string) => ({ api_key: { name } });

test("a key executes a POST once and answers alike", async () => {
  const first = await client.send(post("/v1/api-keys", newKey("one"), "k-1"));
  expect(first.status).toBe(201);
  const before = exchange.shell.state.seq;
  const again = await client.send(post("/v1/api-keys", newKey("one"), "k-1"));
  expect([again.status, again.data]).toEqual([201, first.data]);
  expect(again.headers.get("idempotency-replayed")).toBe("true");
  expect(exchange.shell.state.seq).toBe(before);
  const other = await client.send(post("/v1/api-keys", newKey("two"), "k-1"));
  expect([other.status, other.code]).toEqual([409, "IDEMPOTENCY_KEY_REUSED"]);
  exchange.clock.advance(24 * 3_600_000 + 1_000);
  const later = await client.send(post("/v1/api-keys", newKey("two"), "k-1"));
  expect([later.status, later.data]).toMatchObject([201, { name: "two" }]);
});

test("a key is not used up by a refusal", async () => {
  const refused = await client.send(post("/v1/api-keys", newKey(""), "k-2"));
  expect(refused.status).toBe(422);
  expect((await client.send(post("/v1/api-keys", newKey("three"), "k-2"))).status).toBe(201);
});

test("a key sent twice at once is executed once", async () => {
  const wire = post("/v1/api-keys", newKey("four"), "k-3");
  const answers = await Promise.all([client.send(wire), client.send(wire)]);
  const made = answers.filter(({ status }) => status === 201).map(({ data }) => data);
  expect(new Set(made.map((data) => JSON.stringify(data))).size).toBe(1);
  for (const { status, code } of answers) {
    if (status !== 201) expect(code).toBe("IDEMPOTENCY_KEY_BUSY");
  }
});

test("a key becomes the client_order_id of an order, which the journal keeps", async () => {
  const first = await client.send(post("/v1/orders", order, "k-4"));
  expect(first.data).toMatchObject({ client_order_id: "k-4" });
  expect(exchange.shell.state.clientIds.has(`${trader.account}:k-4`)).toBe(true);
});

test("a key of other characters is refused", async () => {
  const answer = await client.send(post("/v1/api-keys", newKey("x"), "k 5"));
  expect([answer.status, answer.code]).toEqual([400, "INVALID_IDEMPOTENCY_KEY"]);
});

test("nothing broke on the way", () => {
  expect(exchange.errors).toEqual([]);
});
