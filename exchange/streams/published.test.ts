/** What The Grid publishes of its WebSocket, with a client that knows nothing else. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Trader } from "#exchange/trading/trading.fixture.ts";
import { createIdentity, fingerprintOf } from "#protocol/signing.ts";
import { createStreamWorld, type StreamWorld } from "./stream-world.fixture.ts";

let world: StreamWorld;
let seller: Trader;
let buyer: Trader;

beforeAll(async () => {
  world = await createStreamWorld();
  seller = await world.supplier("seller");
  buyer = await world.trader("buyer", 1_000n);
  await world.issue(seller, 20);
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

describe("a client that joins", () => {
  test("is answered, signs in, and its heartbeat is answered", async () => {
    const client = await world.connect();
    expect(await client.authenticate(buyer.identity, world.clock.nowMs())).toEqual({
      status: "ok",
      response: {},
    });
    expect(await client.ask("heartbeat", {}, "phoenix")).toEqual({ status: "ok", response: {} });
  });

  test("signs in within 30 seconds of our time, not beyond, to either side", async () => {
    const nowMs = world.clock.nowMs();
    for (const [offMs, status] of [
      [-30_000, "ok"],
      [30_000, "ok"],
      [-31_000, "error"],
      [31_000, "error"],
    ] as const) {
      const client = await world.connect();
      const reply = await client.authenticate(buyer.identity, nowMs + offMs);
      expect(reply.status).toBe(status);
      if (status === "error") {
        expect(reply.response).toMatchObject({
          reason: "invalid_signature",
          code: "EXPIRED_TIMESTAMP",
        });
      }
    }
  });

  test("is refused with the published words", async () => {
    const client = await world.connect();
    const words = async (event: string, payload: object) =>
      (await client.ask(event, payload)).response.reason;
    expect(await words("subscribe", { streams: [{ name: "user.orders" }] })).toBe("unauthorized");
    expect(await words("authenticate", {})).toBe("invalid_payload");
    expect(await words("authenticate", { timestamp: "1", fingerprint: "x", signature: 7 })).toBe(
      "invalid_payload",
    );
    expect(await words("subscribe", { streams: "all" })).toBe("invalid_payload");
    const stranger = await client.authenticate(createIdentity(), world.clock.nowMs());
    expect(stranger.response.reason).toBe("invalid_signature");
    const timestamp = String(Math.floor(world.clock.nowMs() / 1_000));
    const { publicKey } = buyer.identity;
    const fingerprint = fingerprintOf(publicKey);
    const signature = seller.identity.sign(timestamp + fingerprint).toString("base64");
    expect(await words("authenticate", { timestamp, fingerprint, signature })).toBe(
      "invalid_signature",
    );
  });

  test("gets an ack: ok, or partial with each stream that is not to be had", async () => {
    const client = await world.connectAs(buyer);
    const known = { name: "market.trades", market: world.market };
    const request_id = "mine";
    client.push("subscribe", { streams: [known, { name: "user.orders" }], request_id });
    expect((await client.next("ack")).payload).toEqual({
      type: "ack",
      action: "subscribe",
      request_id,
      status: "ok",
      streams: [
        { ...known, subscribed: true, resumed: false },
        { name: "user.orders", subscribed: true, resumed: false },
      ],
    });
    const strange = { name: "market.trades", market: "market-7" };
    const partial = await client.subscribe(known, strange, { name: "user.dreams" });
    expect(partial.status).toBe("partial");
    expect(partial.streams).toMatchObject([
      { ...known, subscribed: true },
      { ...strange, subscribed: false, reason: "unknown_market" },
      { name: "user.dreams", subscribed: false, reason: "unknown_stream" },
    ]);
    const left = await client.acknowledged("unsubscribe", [known]);
    expect(left).toMatchObject({ action: "unsubscribe", status: "ok" });
    expect(left.streams).toEqual([{ ...known, subscribed: false }]);
  });
});

describe("the published streams", () => {
  test("tell orders, trades and the ticker with the published fields, under both forms of ids", async () => {
    const own = await world.connectAs(buyer);
    const everybody = await world.connect();
    const hyphenated = world.market.replace("market_", "market-");
    await own.subscribe({ name: "user.orders" });
    await everybody.subscribe(
      { name: "market.trades", market: hyphenated },
      { name: "market.ticker", market: world.market },
    );
    expect((await everybody.next("market_ticker")).payload).toMatchObject({
      market_id: world.market,
      last_price: null,
      bid: null,
      ask: null,
      volume_24h: "0",
    });

    const ask = await world.order(seller, "sell", "1.2500", "2");
    expect((await everybody.next("market_ticker")).payload).toMatchObject({ ask: "1.2500" });
    const bid = await world.order(buyer, "buy", "1.3000", "2.5");

    const { data: trade } = (await everybody.next("new_trade")).payload;
    expect(trade).toEqual({
      trade_id: expect.stringMatching(/^trade_/),
      market_id: world.market,
      price: "1.2500",
      quantity: "2",
      side: "buy",
      executed_at: new Date(world.clock.nowMs()).toISOString(),
      maker_order_id: ask,
      taker_order_id: bid,
    });
    expect((await everybody.next("market_ticker")).payload).toMatchObject({
      last_price: "1.2500",
      bid: "1.3000",
      ask: null,
      volume_24h: "2",
    });

    const placed = await own.next("new_order");
    expect(placed.payload.data).toMatchObject({
      order_id: bid,
      client_order_id: null,
      market_id: world.market,
      trading_account_id: expect.stringMatching(/^trading_account_/),
      side: "buy",
      order_type: "limit",
      status: "open",
      original_quantity: "2.5",
      remaining_quantity: "2.5",
      filled_quantity: "0",
      price: "1.3000",
      average_fill_price: null,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    const filled = await own.next("order_update");
    expect(filled.payload.data).toMatchObject({
      order_id: bid,
      status: "partially_filled",
      remaining_quantity: "0.5",
      filled_quantity: "2",
      average_fill_price: "1.250000",
    });
    expect((await buyer.delete(`/v1/orders/${bid}`)).status).toBe(204);
    expect((await own.next("order_update")).payload.data).toMatchObject({
      order_id: bid,
      status: "cancelled",
      closure_reason: "cancelled",
    });
  });

  test("tell nobody of another's orders, and nothing after an unsubscribe", async () => {
    const own = await world.connectAs(seller);
    const other = await world.connectAs(buyer);
    const stream = { name: "user.orders" };
    await own.subscribe(stream);
    await other.subscribe(stream);
    const first = await world.order(seller, "sell", "9.0000", "1");
    await own.next("new_order", ({ payload }) => payload.data.order_id === first);
    await own.acknowledged("unsubscribe", [stream]);
    const second = await world.order(seller, "sell", "9.1000", "1");
    const last = await world.order(buyer, "buy", "0.0100", "1");
    await other.next("new_order", ({ payload }) => payload.data.order_id === last);
    const told = other.all("new_order").map(({ payload }) => payload.data.order_id);
    expect(told).toEqual([last]);
    expect(own.all("new_order").map(({ payload }) => payload.data.order_id)).not.toContain(second);
  });

  test("are of no use to a key that is revoked", async () => {
    const leaving = await world.trader("leaving");
    const client = await world.connectAs(leaving);
    const key = fingerprintOf(leaving.identity.publicKey);
    await world.run({ type: "revoke-key", account: leaving.account, key });
    expect(await client.closed).toEqual({ code: 4401, reason: "key_revoked" });
  });
});
