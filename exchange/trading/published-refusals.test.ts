/**
 * What The Grid refuses is refused here in their words, and limits are told in their headers, to a client
 * that knows their published text alone.
 */

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Published,
  PublishedClient,
  type PublishedError,
} from "./published-client.fixture.ts";
import {
  type PublishedWorld,
  refusal,
  SYMBOL,
  startPublishedWorld,
} from "./published-world.fixture.ts";

let world: PublishedWorld;
let trader: PublishedClient;
let supplier: PublishedClient;
let market: Published;
beforeAll(async () => {
  world = await startPublishedWorld();
  ({ trader, supplier, market } = world);
  await world.trade();
});
afterAll(() => world.close());

describe("what is refused is refused as published", () => {
  const nowSeconds = () => Math.floor(Date.now() / 1000);
  test.each<[string, () => Promise<unknown>, number, string]>([
    ["a stranger's signature", () => world.newClient().get("/orders"), 401, "INVALID_SIGNATURE"],
    [
      "more than is owned",
      () => trader.post("/orders", world.order({ quantity: 9_000 })),
      422,
      "INSUFFICIENT_BALANCE",
    ],
    [
      "an unknown market",
      () => trader.post("/orders", world.order({ market_id: "market_0" })),
      404,
      "MARKET_NOT_FOUND",
    ],
    ["an unknown order", () => trader.get("/orders/order_none"), 404, "ORDER_NOT_FOUND"],
    ["an unknown instrument", () => trader.get("/instruments/none"), 404, "INSTRUMENT_NOT_FOUND"],
    ["an unknown account", () => trader.get("/trading-accounts/none"), 404, "ACCOUNT_NOT_FOUND"],
    ["an unknown path", () => trader.get("/nothing"), 404, "NOT_FOUND"],
    [
      "half an increment",
      () => trader.post("/orders", world.order({ quantity: "0.005" })),
      400,
      "INVALID_QUANTITY",
    ],
    [
      "half a tick",
      () => trader.post("/orders", world.order({ price: "0.00005" })),
      400,
      "INVALID_PRICE",
    ],
    [
      "a side that is none",
      () => trader.post("/orders", world.order({ side: "up" })),
      422,
      "VALIDATION_ERROR",
    ],
    [
      "both cursors",
      () => trader.get("/orders", { next: "cDE", prev: "cDE" }),
      422,
      "VALIDATION_ERROR",
    ],
    [
      "a key that is none",
      () => trader.post("/signing-keys", { signing_key: { label: "x", public_key: "AAAA" } }),
      422,
      "INVALID_PUBLIC_KEY",
    ],
    [
      "a key that is there",
      () =>
        trader.post("/signing-keys", { signing_key: { label: "x", public_key: trader.publicKey } }),
      422,
      "DUPLICATE_KEY",
    ],
    [
      "more than a node can carry",
      () => supplier.post("/supply-issuances", { instrument_id: SYMBOL, quantity: 9_000 }),
      422,
      "CAPACITY_EXCEEDED",
    ],
  ])("%s", async (_name, ask, status, code) => {
    const error = await refusal(ask());
    expect([error.status, error.code]).toEqual([status, code]);
    expect(error.headers.get("x-request-id") ?? error.code).toBeTruthy();
  });

  test("a timestamp more than 30 seconds off", async () => {
    for (const offset of [-31, 32]) {
      const late = new PublishedClient({
        baseUrl: `${world.url}/v1`,
        privateKey: randomBytes(32).toString("base64"),
        nowSeconds: () => nowSeconds() + offset,
      });
      const error = await refusal(late.get("/orders"));
      expect([error.status, error.code]).toEqual([401, "EXPIRED_TIMESTAMP"]);
    }
  });

  test("orders of an account in Auto Mode", async () => {
    const { client } = await world.open("easy", "5", "easy");
    const error = await refusal(client.post("/orders", world.order({})));
    expect([error.status, error.detail]).toEqual([403, "auto_mode_trading_restricted"]);
  });

  test("the same client_order_id for another order", async () => {
    await trader.post("/orders", world.order({ client_order_id: "again" }));
    const error = await refusal(
      trader.post("/orders", world.order({ client_order_id: "again", quantity: 2 })),
    );
    expect(error.code).toBe("DUPLICATE_CLIENT_ORDER_ID");
    await trader.delete("/orders");
  });
});

describe("headers", () => {
  test("say the limit, what is left of it, the version and the request", async () => {
    await trader.get("/orders");
    for (const name of [
      "x-request-id",
      "x-ratelimit-limit",
      "x-ratelimit-remaining",
      "x-ratelimit-reset",
      "x-api-version",
    ]) {
      expect([name, trader.headers.get(name)]).toEqual([name, expect.any(String)]);
    }
  });

  test("an Idempotency-Key gives the first answer again", async () => {
    const body = { instrument_id: SYMBOL, quantity: "0.5" };
    const key = { "idempotency-key": "move-1" };
    const first = await trader.post("/transfers/trading-to-consumption", body, key);
    expect(await trader.post("/transfers/trading-to-consumption", body, key)).toEqual(first);
    expect(await trader.get("/transfer-histories")).toHaveLength(1);
  });

  test("too many orders in one market get 429 and when to come back; other markets go on", async () => {
    const { client } = await world.open("hasty", "5");
    const place = (market_id: string) =>
      client.call("POST", "/orders", {
        body: world.order({ market_id, quantity: "0.01" }),
      });
    let refused: PublishedError | null = null;
    for (let at = 0; at < 200 && refused === null; at += 1) {
      // 12 at a time, else the bucket fills as fast as we empty it.
      const tries = Array.from({ length: 12 }, () => place(market.market_id));
      for (const result of await Promise.allSettled(tries)) {
        if (result.status === "rejected") refused = result.reason as PublishedError;
      }
    }
    expect(refused).toMatchObject({ status: 429, code: "RATE_LIMIT_EXCEEDED" });
    expect(Number(refused?.headers.get("x-ratelimit-retry-after"))).toBeGreaterThan(0);
    expect(await place("text-standard")).toMatchObject({ order_id: expect.any(String) });
    expect(await client.delete("/orders")).toMatchObject({ cancelled: expect.any(Number) });
  });
});
