import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApiKey } from "#exchange/api-key.ts";
import { publicId } from "#protocol/ids.ts";
import { createIdentity, fingerprintOf } from "#protocol/signing.ts";
import {
  createTestExchange,
  signatureHeaders,
  type TestExchange,
  type Trader,
} from "./trading.fixture.ts";

let exchange: TestExchange;
let trader: Trader;
beforeAll(async () => {
  exchange = await createTestExchange();
  trader = await exchange.trader("trader", 10n);
});
afterAll(() => exchange.close());

/** The headers of a good GET /v1/me, changed. */
const me = (change: Record<string, string> = {}) => ({
  ...signatureHeaders(trader.identity, exchange.clock.nowMs(), "GET", "/v1/me"),
  ...change,
});
const seconds = (offset: number) => String(exchange.clock.nowMs() / 1000 + offset);

describe("a signature", () => {
  test("of a registered key opens the account, whatever the query", async () => {
    const answer = await exchange.send("GET", "/v1/me?unsigned=1", me());
    expect(answer.status).toBe(200);
    expect(answer.body.data).toMatchObject({ account_mode: "advanced", name: "trader" });
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers["x-gridspot-seq"]).toBe(String(exchange.shell.state.seq));
  });

  test("is good for 30 seconds either way, and no longer", async () => {
    for (const [offset, status] of [
      [-30, 200],
      [30, 200],
      [-31, 401],
      [31, 401],
    ] as const) {
      const atMs = exchange.clock.nowMs() + offset * 1000;
      const headers = signatureHeaders(trader.identity, atMs, "GET", "/v1/me");
      expect((await exchange.send("GET", "/v1/me", headers)).status).toBe(status);
    }
  });

  test.each<[string, () => Record<string, string>, string, RegExp]>([
    [
      "of other bytes",
      () => me({ "x-thegrid-timestamp": seconds(1) }),
      "INVALID_SIGNATURE",
      /sign "/,
    ],
    ["cut short", () => me({ "x-thegrid-signature": "AAAA" }), "INVALID_SIGNATURE", /sign "/],
    [
      "by a stranger's key",
      () => me({ "x-thegrid-fingerprint": fingerprintOf(createIdentity().publicKey) }),
      "INVALID_SIGNATURE",
      /no key with fingerprint/,
    ],
    [
      "long gone",
      () => me({ "x-thegrid-timestamp": "1706500000" }),
      "EXPIRED_TIMESTAMP",
      /server's/,
    ],
    [
      "in milliseconds",
      () => me({ "x-thegrid-timestamp": "1706500000000" }),
      "EXPIRED_TIMESTAMP",
      /milliseconds/,
    ],
    [
      "at no time",
      () => me({ "x-thegrid-timestamp": "soon" }),
      "EXPIRED_TIMESTAMP",
      /unix seconds/,
    ],
  ])("%s is refused", async (_name, headers, code, message) => {
    const answer = await exchange.send("GET", "/v1/me", headers());
    expect([answer.status, answer.body.errors?.code]).toEqual([401, code]);
    expect(answer.body.errors?.message).toMatch(message);
  });

  test("that is missing is asked for by name", async () => {
    const answer = await exchange.send("GET", "/v1/orders", { "x-thegrid-timestamp": "1" });
    expect([answer.status, answer.body.errors?.code]).toEqual([401, "AUTH_FAILED"]);
    expect(answer.body.errors?.message).toMatch(/x-thegrid-fingerprint, x-thegrid-signature/);
  });

  test("covers the body to the byte", async () => {
    const body = '{"market_id":"text-lite"}';
    const headers = signatureHeaders(
      trader.identity,
      exchange.clock.nowMs(),
      "POST",
      "/v1/orders",
      body,
    );
    const changed = await exchange.send("POST", "/v1/orders", headers, `${body} `);
    expect(changed.body.errors?.code).toBe("INVALID_SIGNATURE");
  });

  test("that fails too often from one address makes it wait, and then serves it again", async () => {
    const bad = me({ "x-thegrid-signature": "AAAA" });
    let failures = 0;
    while ((await exchange.send("GET", "/v1/me", bad)).status === 401) failures += 1;
    expect(failures).toBeLessThanOrEqual(20);
    const limited = await exchange.send("GET", "/v1/me", me());
    expect([limited.status, limited.body.errors?.code]).toEqual([429, "RATE_LIMIT_EXCEEDED"]);
    exchange.clock.advance(60_000);
    expect((await exchange.send("GET", "/v1/me", me())).status).toBe(200);
  });
});

describe("signing keys", () => {
  const registration = (publicKey: string, label = "laptop") => ({
    signing_key: { label, public_key: publicKey },
  });

  const registered = async () => {
    const fresh = createIdentity();
    const body = JSON.stringify(registration(fresh.publicKey.toString("base64")));
    const path = "/v1/signing-keys";
    const signed = (method: "GET" | "POST" | "DELETE", at = path, text = "") =>
      exchange.send(
        method,
        at,
        signatureHeaders(trader.identity, exchange.clock.nowMs(), method, at, text),
        text === "" ? undefined : text,
      );
    return { fresh, signed, created: await signed("POST", path, body) };
  };

  test("are registered by another key's signature, work at once, and are gone once revoked", async () => {
    const { account } = trader;
    const { fresh, signed, created } = await registered();
    expect(created.status).toBe(201);
    const { id, fingerprint } = created.body.data as { id: string; fingerprint: string };
    expect(fingerprint).toBe(fingerprintOf(fresh.publicKey));
    const listed = await signed("GET");
    expect(listed.body.data).toContainEqual(
      expect.objectContaining({ id, fingerprint_prefix: fingerprint.slice(0, 8) }),
    );
    expect(JSON.stringify(listed.body)).not.toContain(fingerprint);
    const ask = () =>
      exchange.send(
        "GET",
        "/v1/me",
        signatureHeaders(fresh, exchange.clock.nowMs(), "GET", "/v1/me"),
      );
    expect((await ask()).body.data).toMatchObject({ user_id: publicId("account", account) });
    expect((await signed("DELETE", `/v1/signing-keys/${id}`)).status).toBe(204);
    expect((await ask()).body.errors?.code).toBe("INVALID_SIGNATURE");
    const again = await signed("DELETE", `/v1/signing-keys/${id}`);
    expect([again.status, again.body.errors?.code]).toEqual([404, "KEY_NOT_FOUND"]);
  });

  test("are out of an API key's reach, and so is whatever bounds that key", async () => {
    const { key, keyId, hash } = createApiKey("test");
    const { account } = trader;
    await exchange.run({ type: "add-api-key", account, keyId, secretHash: hash, label: "k" });
    const bearer = { authorization: `Bearer ${key}` };
    const body = JSON.stringify(registration(createIdentity().publicKey.toString("base64")));
    const registers = await exchange.send("POST", "/v1/signing-keys", bearer, body);
    expect([registers.status, registers.body.errors?.code]).toEqual([401, "AUTH_FAILED"]);
    const mode = JSON.stringify({ mode: "advanced" });
    const path = "/v1/self/system-settings/account-mode";
    const changes = await exchange.send("POST", path, bearer, mode);
    expect([changes.status, changes.body.errors?.code]).toEqual([401, "INVALID_SIGNATURE"]);
    expect((await exchange.send("GET", "/v1/me", bearer)).status).toBe(200);
  });

  test.each([
    ["an API key that nobody has", createApiKey("live").key],
    ["a mistyped API key", "gs_live_nonsense"],
  ])("are not open to %s", async (_name, key) => {
    const headers = { authorization: `Bearer ${key}` };
    const answer = await exchange.send("GET", "/v1/me", headers);
    expect([answer.status, answer.body.errors?.code]).toEqual([401, "INVALID_API_KEY"]);
  });

  test("an API key does not open what needs a signature", async () => {
    const { key, keyId, hash } = createApiKey("test");
    const { account } = trader;
    await exchange.run({ type: "add-api-key", account, keyId, secretHash: hash, label: "k" });
    const answer = await exchange.send("GET", "/v1/orders", { authorization: `Bearer ${key}` });
    expect([answer.status, answer.body.errors?.code]).toEqual([401, "AUTH_FAILED"]);
  });

  test.each([
    ["a short key", "AAAA", "INVALID_PUBLIC_KEY", /32 bytes, got 3/],
    ["PEM", "-----BEGIN PUBLIC KEY-----", "INVALID_PUBLIC_KEY", /raw bytes, got PEM/],
    ["no base64", "ä".repeat(43), "INVALID_PUBLIC_KEY", /base64/],
    ["the identity point", `AQ${"A".repeat(41)}=`, "INVALID_PUBLIC_KEY", /small order/],
  ])("that are %s are refused", async (_name, publicKey, code, message) => {
    const answer = await trader.post("/v1/signing-keys", registration(publicKey));
    expect([answer.status, answer.body.errors?.code]).toEqual([422, code]);
    expect(answer.body.errors?.message).toMatch(message);
  });

  test("register once", async () => {
    const own = trader.identity.publicKey.toString("base64");
    const answer = await trader.post("/v1/signing-keys", registration(own));
    expect([answer.status, answer.body.errors?.code]).toEqual([422, "DUPLICATE_KEY"]);
  });
});

describe("limits", () => {
  test("count orders, cancels and reads apart, per account, and say when to come back", async () => {
    const narrow = await createTestExchange({ limits: { orders: { burst: 1, perSecond: 0.5 } } });
    const one = await narrow.trader("one", 10n);
    const two = await narrow.trader("two", 10n);
    const bid = { market_id: "text-lite", side: "buy", type: "limit", price: "1", quantity: 1 };
    expect((await one.post("/v1/orders", bid)).status).toBe(201);
    const limited = await one.post("/v1/orders", bid);
    expect(limited.status).toBe(429);
    expect(limited.headers).toMatchObject({
      "x-ratelimit-limit": "1",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-retry-after": "2",
    });
    expect(limited.body.errors).toMatchObject({ details: { retry_after: 2 } });
    expect((await two.post("/v1/orders", bid)).status).toBe(201);
    expect((await one.get("/v1/orders")).status).toBe(200);
    expect((await one.delete("/v1/orders")).status).toBe(200);
    narrow.clock.advance(2_000);
    expect((await one.post("/v1/orders", bid)).status).toBe(201);
    expect((await one.get("/v1/account/limits?market_id=text-lite")).body.data).toMatchObject({
      order_rate_limits: { burst_capacity: 1, max_orders_per_minute: 30 },
    });
    await narrow.close();
  });
});

describe("public market data", () => {
  test.each([
    "/v1/instruments",
    "/v1/instruments/text-lite",
    "/v1/instruments/by-symbol/text-lite",
    "/v1/markets",
    "/v1/markets/text-lite",
    "/v1/markets/text-lite/ticker",
    "/v1/markets/text-lite/orderbook",
    "/v1/markets/text-lite/trades",
    "/v1/health",
  ])("%s needs no signature", async (path) => {
    const answer = await exchange.send("GET", path);
    expect([answer.status, answer.body.data === undefined]).toEqual([200, false]);
  });

  test.each([
    ["/v1/markets/text-lite/orderbook?depth=0", 422, "VALIDATION_ERROR"],
    ["/v1/markets/text-lite/orderbook?depth=101", 422, "VALIDATION_ERROR"],
    ["/v1/markets/text-lite/trades?limit=ten", 422, "VALIDATION_ERROR"],
    ["/v1/markets/market_1", 404, "MARKET_NOT_FOUND"],
    ["/v1/instruments/none", 404, "INSTRUMENT_NOT_FOUND"],
  ])("%s is refused with %i", async (path, status, code) => {
    const answer = await exchange.send("GET", path);
    expect([answer.status, answer.body.errors?.code]).toEqual([status, code]);
  });
});

test("a supplier issues within its capacity, and sees what it may still issue", async () => {
  const supplier = await exchange.supplier("supplier", 10);
  const issue = (quantity: unknown) =>
    supplier.post("/v1/supply-issuances", { instrument_id: "text-lite", quantity });
  const issued = await issue("4.5");
  expect(issued.status).toBe(201);
  expect(issued.body.data).toMatchObject({ quantity: "4.5", instrument_symbol: "text-lite" });
  const over = await issue(6);
  expect([over.status, over.body.errors?.code]).toEqual([422, "CAPACITY_EXCEEDED"]);
  expect((await issue("0.001")).body.errors?.code).toBe("INVALID_QUANTITY");
  const summary = await supplier.get("/v1/supply-issuances/summary");
  expect(summary.body.data).toContainEqual(
    expect.objectContaining({ instrument_symbol: "text-lite", issuable_now: "5.5" }),
  );
  const listed = await supplier.get("/v1/supply-issuances?instrument_id=text-lite");
  expect(listed.body.data).toMatchObject([{ quantity: "4.5", issued_into: "issuance_account" }]);
  const move = { instrument_id: "text-lite", quantity: 2 };
  const moved = await supplier.post("/v1/issuance-accounts/transfer", move);
  expect([moved.status, moved.body.data]).toMatchObject([202, { status: "completed" }]);
  const accounts = (await supplier.get("/v1/issuance-accounts")).body.data;
  expect(accounts).toContainEqual(
    expect.objectContaining({ total_balance: "2.5", total_issued: "4.5" }),
  );
  const balances = (await supplier.get("/v1/trading-accounts")).body.data as {
    account_id: string;
    instrument_symbol: string;
  }[];
  const own = balances.find((row) => row.instrument_symbol === "text-lite");
  const one = await supplier.get(`/v1/trading-accounts/${own?.account_id}`);
  expect(one.body.data).toMatchObject({ available_balance: "2", locked_balance: "0" });
});
