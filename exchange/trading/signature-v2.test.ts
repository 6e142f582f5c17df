/** Signatures of version 2, and the echo, over a real socket. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Listening, listenOnFreePort, type Wire } from "./signed-client.fixture.ts";
import { createTestExchange, type TestExchange, type Trader } from "./trading.fixture.ts";

let exchange: TestExchange;
let client: Listening;
let trader: Trader;
let sent = 0;
beforeAll(async () => {
  exchange = await createTestExchange();
  client = await listenOnFreePort(exchange);
  trader = await exchange.trader("trader", 10n);
  // What was signed in the first seconds of a process is not taken: see the last test.
  exchange.clock.advance(2_000);
});
afterAll(() => exchange.close());

const now = (offsetSeconds = 0) =>
  String(Math.floor(exchange.clock.nowMs() / 1000) + offsetSeconds);
const nonce = () => {
  sent += 1;
  return `nonce-${String(sent).padStart(12, "0")}`;
};
const bid = JSON.stringify({
  market_id: "text-lite",
  side: "buy",
  type: "limit",
  quantity: "1",
  price: "0.10",
});
const v2 = (method: string, target: string, body = "") =>
  client.sign(trader, { method, target, body, timestamp: now(), nonce: nonce() });

describe("a signature of version 2", () => {
  test("opens the account, with a query and with a body", async () => {
    const listed = await client.send(v2("GET", "/v1/orders?side=buy&limit=2"));
    expect([listed.status, listed.data]).toEqual([200, []]);
    const placed = await client.send(v2("POST", "/v1/orders", bid));
    expect([placed.status, placed.data]).toMatchObject([201, { status: "open" }]);
  });

  test.each<[string, (wire: Wire) => Partial<Wire>]>([
    ["query", () => ({ target: "/v1/orders?side=buy&limit=3" })],
    ["path", () => ({ target: "/v1/trades?side=buy&limit=2" })],
    ["method", () => ({ method: "DELETE" })],
    [
      "nonce",
      (wire) => ({ headers: { ...wire.headers, "x-gridspot-nonce": "another-nonce-entirely" } }),
    ],
    ["timestamp", (wire) => ({ headers: { ...wire.headers, "x-thegrid-timestamp": now(1) } })],
  ])("does not hold for another %s", async (_part, change) => {
    const wire = v2("GET", "/v1/orders?side=buy&limit=2");
    const answer = await client.send({ ...wire, ...change(wire) });
    expect([answer.status, answer.code]).toEqual([401, "INVALID_SIGNATURE"]);
    expect(answer.message).toMatch(/GRIDSPOT-2-REQUEST/);
  });

  test("does not hold for another host, nor another body", async () => {
    const timestamp = now();
    const elsewhere = client.sign(trader, {
      method: "GET",
      target: "/v1/me",
      timestamp,
      nonce: nonce(),
      signedHost: "other.example",
    });
    const wire = v2("POST", "/v1/orders", bid);
    for (const each of [elsewhere, { ...wire, body: `${bid} ` }]) {
      expect((await client.send(each)).code).toBe("INVALID_SIGNATURE");
    }
  });

  test("is good once: the same bytes again are refused by name, and nothing is executed", async () => {
    const wire = v2("POST", "/v1/orders", bid);
    expect((await client.send(wire)).status).toBe(201);
    const before = exchange.shell.state.seq;
    for (const delaySeconds of [0, 15, 15]) {
      exchange.clock.advance(delaySeconds * 1000);
      const again = await client.send(wire);
      expect([again.status, again.code]).toEqual([401, "NONCE_REUSED"]);
    }
    exchange.clock.advance(1_000);
    expect((await client.send(wire)).code).toBe("EXPIRED_TIMESTAMP");
    expect(exchange.shell.state.seq).toBe(before);
  });

  test("does not use up a nonce when it does not hold", async () => {
    const wire = v2("GET", "/v1/me");
    const headers = { ...wire.headers, "x-thegrid-signature": "AAAA" };
    expect((await client.send({ ...wire, headers })).code).toBe("INVALID_SIGNATURE");
    expect((await client.send(wire)).status).toBe(200);
  });

  test.each<[string, Record<string, string>, number, string]>([
    ["without a nonce", { "x-gridspot-nonce": "" }, 400, "INVALID_NONCE"],
    ["with a short nonce", { "x-gridspot-nonce": "fifteen-letters" }, 400, "INVALID_NONCE"],
    [
      "with a nonce of other characters",
      { "x-gridspot-nonce": `${"a".repeat(15)}.` },
      400,
      "INVALID_NONCE",
    ],
    ["of version 3", { "x-gridspot-signature-version": "3" }, 400, "UNKNOWN_SIGNATURE_VERSION"],
  ])("%s is refused", async (_name, change, status, code) => {
    const wire = v2("GET", "/v1/me");
    const answer = await client.send({ ...wire, headers: { ...wire.headers, ...change } });
    expect([answer.status, answer.code]).toEqual([status, code]);
  });

  test("is good for 30 seconds, and at most one ahead", async () => {
    for (const [offset, status] of [
      [-30, 200],
      [1, 200],
      [-31, 401],
      [2, 401],
    ] as const) {
      const wire = client.sign(trader, {
        method: "GET",
        target: "/v1/me",
        timestamp: now(offset),
        nonce: nonce(),
      });
      expect([offset, (await client.send(wire)).status]).toEqual([offset, status]);
    }
  });

  test("for another host is refused by an exchange that was told its names", async () => {
    const named = await createTestExchange({ hosts: ["exchange.example"] });
    const other = await listenOnFreePort(named);
    const stranger = await named.trader("stranger", 1n);
    named.clock.advance(2_000);
    const timestamp = String(Math.floor(named.clock.nowMs() / 1000));
    const wire = { method: "GET", target: "/v1/me", timestamp };
    const answer = await other.send(other.sign(stranger, { ...wire, nonce: nonce() }));
    expect([answer.status, answer.code]).toEqual([401, "INVALID_SIGNATURE"]);
    expect(answer.message).toMatch(
      /signed for host "127.0.0.1:\d+", this exchange is exchange.example/,
    );
    expect((await other.send(other.sign(stranger, wire))).status).toBe(200);
    await named.close();
  });

  test("from before the process began is refused, for its nonce may have been used", async () => {
    const fresh = await createTestExchange();
    const other = await listenOnFreePort(fresh);
    const early = await fresh.trader("early", 1n);
    const at = () => String(Math.floor(fresh.clock.nowMs() / 1000));
    const ask = () =>
      other.send(
        other.sign(early, { method: "GET", target: "/v1/me", timestamp: at(), nonce: nonce() }),
      );
    const first = await ask();
    expect([first.code, first.message]).toMatchObject(["EXPIRED_TIMESTAMP", /sign again/]);
    fresh.clock.advance(2_000);
    expect((await ask()).status).toBe(200);
    await fresh.close();
  });
});

describe("the echo", () => {
  test("says the message of version 1 step by step, and that the signature holds", async () => {
    const wire = client.sign(trader, {
      method: "POST",
      target: "/v1/auth/echo?a=1",
      body: '{"b":2}',
      timestamp: now(),
    });
    const answer = await client.send(wire);
    expect(answer.data).toMatchObject({
      accepted: false,
      signature_version: 1,
      message: `${now()}POST/v1/auth/echo{"b":2}`,
      checks: { headers: "ok", timestamp: "ok", fingerprint: "ok", signature: "ok" },
      hints: [],
    });
    const { steps, message } = answer.data as { steps: { value: string }[]; message: string };
    expect(steps.map(({ value }) => value).join("")).toBe(message);
  });

  test("says the message of version 2 step by step, and remembers no nonce", async () => {
    const wire = v2("DELETE", "/v1/auth/echo?a=1");
    for (let round = 0; round < 2; round += 1) {
      const answer = await client.send(wire);
      const { steps, message, checks } = answer.data as {
        steps: { value: string }[];
        message: string;
        checks: object;
      };
      expect(steps.map(({ value }) => value).join("\n")).toBe(message);
      expect(checks).toMatchObject({ signature: "ok", nonce: "fresh" });
    }
  });

  test.each<[string, Partial<{ text: string; body: string; target: string }>, RegExp]>([
    [
      "signed the query",
      { target: "/v1/auth/echo?a=1", text: "{ts}POST/v1/auth/echo?a=1{}" },
      /query/,
    ],
    ["signed the path without its prefix", { text: "{ts}POST/auth/echo{}" }, /prefix/],
    ["signed the method in lower case", { text: "{ts}post/v1/auth/echo{}" }, /upper case/],
    ["did not sign the body", { body: '{"a":1}', text: "{ts}POST/v1/auth/echo" }, /body was not/],
    [
      "signed other JSON than it sent",
      { body: '{"a": 1, "b": [2]}', text: '{ts}POST/v1/auth/echo{"a":1,"b":[2]}' },
      /written differently/,
    ],
    [
      "sent other JSON than it signed",
      { body: '{"a":1,"b":[2]}', text: '{ts}POST/v1/auth/echo{"a": 1, "b": [2]}' },
      /written differently/,
    ],
  ])("finds out that a client %s", async (_name, { body = "{}", text = "", target }, hint) => {
    const timestamp = now();
    const wire = client.sign(trader, {
      method: "POST",
      target: target ?? "/v1/auth/echo",
      body,
      timestamp,
    });
    const signature = trader.identity.sign(text.replace("{ts}", timestamp)).toString("base64");
    exchange.clock.advance(1_000);
    const answer = await client.send({
      ...wire,
      headers: { ...wire.headers, "x-thegrid-signature": signature },
    });
    expect(answer.data).toMatchObject({
      checks: { signature: "does not fit the message" },
      hints: [expect.stringMatching(hint)],
    });
  });

  test("answers a request without any header, and names them", async () => {
    const answer = await client.send({
      method: "GET",
      target: "/v1/auth/echo",
      headers: {},
      body: "",
    });
    expect(answer.status).toBe(200);
    expect(answer.data).toMatchObject({
      message: "GET/v1/auth/echo",
      checks: { headers: expect.stringMatching(/x-thegrid-timestamp/), signature: "not checked" },
    });
  });
});

test("nothing broke on the way", () => {
  expect(exchange.errors).toEqual([]);
});
