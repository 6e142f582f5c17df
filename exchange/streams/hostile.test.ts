/** What strangers send, and what too many of them get: a clear word, or a close with a reason. */
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createIdentity } from "#protocol/signing.ts";
import type { StreamLimits } from "./limits.ts";
import type { PublishedClient } from "./published-client.fixture.ts";
import { createStreamWorld, type StreamWorld } from "./stream-world.fixture.ts";

let world: StreamWorld;
afterEach(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

async function begin(limits: Partial<StreamLimits> = {}): Promise<PublishedClient> {
  world = await createStreamWorld(limits);
  return world.connect();
}

const BAD_FRAMES: [what: string, text: string, message: RegExp][] = [
  ["no JSON", "{{{", /is not JSON/],
  ["nothing", "", /is not JSON/],
  ["a number", "7", /the frame is 7, expected/],
  [
    "a list, as of another Phoenix version",
    '[null,"1","ws:trading","phx_join",{}]',
    /expected \{"topic/,
  ],
  ["no topic", '{"event":"x","payload":{},"ref":"9"}', /topic is empty, expected "ws:trading"/],
  [
    "an unknown topic",
    '{"topic":"room","event":"phx_join","payload":{},"ref":"9"}',
    /topic is "room"/,
  ],
  [
    "an unknown event",
    '{"topic":"ws:trading","event":"buy","payload":{},"ref":"9"}',
    /event is "buy"/,
  ],
  [
    "a list as payload",
    '{"topic":"ws:trading","event":"x","payload":[],"ref":"9"}',
    /payload is \[\]/,
  ],
  ["an object as ref", '{"topic":"ws:trading","event":"x","payload":{},"ref":{}}', /ref is \{\}/],
  ["a deep list", `${"[".repeat(7_000)}${"]".repeat(7_000)}`, /nested more than 16 deep/],
  [
    "a deep payload",
    `{"topic":"ws:trading","event":"subscribe","payload":{"streams":${"[".repeat(4_000)}${"]".repeat(4_000)}},"ref":"9"}`,
    /nested more than 16 deep/,
  ],
];

describe("a frame that makes no sense", () => {
  test.each(BAD_FRAMES)(
    "is refused and says what was expected: %s",
    async (_what, text, message) => {
      const client = await begin();
      client.socket.send(text);
      const { payload } = await client.find((each) => each.payload.status === "error");
      expect(payload.response).toMatchObject({ reason: "invalid_payload" });
      expect(payload.response.message).toMatch(message);
      expect(await client.ask("heartbeat", {}, "phoenix")).toMatchObject({ status: "ok" });
    },
  );

  test("closes the connection when it is the tenth", async () => {
    const client = await begin();
    for (let count = 0; count < 10; count += 1) client.socket.send("no");
    expect(await client.closed).toMatchObject({
      code: 4400,
      reason: expect.stringContaining("invalid_frames: the frame is not JSON"),
    });
  });

  test("closes it at once when it is binary, or too large", async () => {
    const client = await begin();
    client.socket.send(Buffer.from("{}"));
    expect(await client.closed).toMatchObject({
      code: 1003,
      reason: "binary_frame: send text frames",
    });
    const other = await world.connect();
    other.socket.send(`"${"x".repeat(17 * 1024)}"`);
    expect(await other.closed).toMatchObject({ code: 1009 });
  });
});

const BAD_STREAMS: [what: string, entry: unknown, reason: string][] = [
  ["no object", 7, "invalid_payload"],
  ["no name", {}, "unknown_stream"],
  ["a stream that every object has", { name: "__proto__" }, "unknown_stream"],
  ["no market", { name: "market.trades" }, "unknown_market"],
  ["a number as market", { name: "market.trades", market: 1 }, "unknown_market"],
  ["another kind of id", { name: "market.book", market: "order_1" }, "unknown_market"],
  [
    "half a sequence",
    { name: "market.book", market: "text-lite", resume_from: 0.5 },
    "invalid_payload",
  ],
  [
    "a text as sequence",
    { name: "market.book", market: "text-lite", resume_from: "1" },
    "invalid_payload",
  ],
  ["no resolution", { name: "market.candles", market: "text-lite" }, "unknown_resolution"],
];

test.each(BAD_STREAMS)(
  "a stream with %s is not subscribed, and says why",
  async (_what, entry, reason) => {
    const client = await begin();
    const { status, streams } = await client.subscribe(entry as object);
    expect(status).toBe("partial");
    expect(streams).toMatchObject([{ subscribed: false, reason, message: expect.any(String) }]);
  },
);

describe("what asks too much", () => {
  test("of itself: frames beyond the rate, pings among them, close with 4429", async () => {
    const client = await begin({ frames: { burst: 20, perSecond: 1 } });
    for (let count = 0; count < 30; count += 1) client.push("heartbeat", {}, "phoenix");
    expect(await client.closed).toMatchObject({
      code: 4429,
      reason: expect.stringMatching(/^rate_exceeded/),
    });
    const other = await world.connect();
    for (let count = 0; count < 30; count += 1) other.socket.ping("x");
    expect(await other.closed).toMatchObject({ code: 4429 });
  });

  test("of pings gets its pongs as long as it keeps to the rate", async () => {
    const client = await begin();
    const pong = once(client.socket, "pong");
    client.socket.ping("hello");
    expect(String((await pong)[0])).toBe("hello");
  });

  test("of subscriptions: the 51st is refused by name, a second time the same is none", async () => {
    const client = await begin({ subscriptionsPerConnectionMax: 3 });
    const market = "text-lite";
    const streams = ["1m", "5m", "15m"].map((resolution) => ({
      name: "market.candles",
      market,
      resolution,
    }));
    expect(await client.subscribe(...streams)).toMatchObject({ status: "ok" });
    expect(await client.subscribe(...streams)).toMatchObject({ status: "ok" });
    const fourth = await client.subscribe({ name: "market.book", market });
    expect(fourth.streams).toMatchObject([{ subscribed: false, reason: "subscription_limit" }]);
    await client.acknowledged("unsubscribe", [streams[0] as object]);
    expect(await client.subscribe({ name: "market.book", market })).toMatchObject({ status: "ok" });
    const many = await client.ask("subscribe", { streams: [...streams, ...streams] });
    expect(many.response.message).toContain("expected a list of 1 to 3");
  });

  test("of an account: one connection more than it may have is refused and closed", async () => {
    await begin({ connectionsPerAccountMax: 2 });
    const trader = await world.trader("trader");
    const first = await world.connectAs(trader);
    await world.connectAs(trader);
    const third = await world.connect();
    const { response } = await third.authenticate(trader.identity, world.clock.nowMs());
    expect(response).toMatchObject({ reason: "unauthorized", code: "TOO_MANY_CONNECTIONS" });
    expect(await third.closed).toMatchObject({ code: 4430 });
    first.socket.close();
    await first.closed;
    await world.connectAs(trader);
    // Signing in again is no second connection.
    const again = await world.connectAs(await world.trader("other"));
    expect(await again.authenticate(trader.identity, world.clock.nowMs())).toMatchObject({
      response: { reason: "unauthorized" },
    });
  });

  test("of an address: the upgrade is refused with 429, and free again after a close", async () => {
    const client = await begin({ connectionsPerAddressMax: 2 });
    await world.connect();
    const refused = new WebSocket(world.url);
    const [, response] = await once(refused, "unexpected-response");
    expect(response.statusCode).toBe(429);
    expect(response.headers["retry-after"]).toBe("1");
    client.socket.close();
    await client.closed;
    await world.connect();
  });

  test("of signatures: an address that failed too often is closed with 4429", async () => {
    const client = await begin({ authFailures: { burst: 2, perSecond: 0.001 } });
    const stranger = createIdentity();
    for (let count = 0; count < 2; count += 1) {
      const reply = await client.authenticate(stranger, world.clock.nowMs());
      expect(reply.response.reason).toBe("invalid_signature");
    }
    const third = client.authenticate(stranger, world.clock.nowMs()).catch(() => null);
    expect(await client.closed).toMatchObject({
      code: 4429,
      reason: "rate_exceeded: too many failed signatures from this address",
    });
    void third;
  });
});

test("who says nothing for 65 seconds is closed with 4408, who beats is not", async () => {
  const silent = await begin({ lookMs: 5 });
  const beating = await world.connect();
  world.clock.advance(60_000);
  await beating.ask("heartbeat", {}, "phoenix");
  world.clock.advance(6_000);
  expect(await silent.closed).toEqual({
    code: 4408,
    reason: "silent: send a heartbeat every 30 s",
  });
  expect(await beating.ask("heartbeat", {}, "phoenix")).toMatchObject({ status: "ok" });
});

test("when the exchange stops, every client is told so", async () => {
  const client = await begin();
  world.streams.close();
  expect(await client.closed).toEqual({ code: 1001, reason: "exchange_stopping" });
  const [, response] = await once(new WebSocket(world.url), "unexpected-response");
  expect(response.statusCode).toBe(503);
});
