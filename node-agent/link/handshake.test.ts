import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadExchangePin, loadIdentity } from "#agent/identity.ts";
import { encodeJsonRecord, RecordType } from "#protocol/link-records.ts";
import { createIdentity, createJoinToken } from "#protocol/signing.ts";
import { openLink } from "./handshake.ts";
import {
  type Script,
  type ScriptedExchange,
  startScriptedExchange,
} from "./scripted-exchange.fixture.ts";

const PING = encodeJsonRecord(RecordType.channel, 0, 0, { type: "ping", sentAtMs: 7, active: 0 });

let dir = "";
let exchange: ScriptedExchange;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-handshake-"));
  exchange = await startScriptedExchange();
});
afterEach(async () => {
  await exchange.close();
  rmSync(dir, { recursive: true, force: true });
});

function dial(
  joinToken: string | null = exchange.joinToken,
  more: { signal?: AbortSignal; timeoutMs?: number } = {},
) {
  return openLink(
    { exchangeUrl: exchange.url, nodeName: "node", joinToken, build: "test" },
    { identity: loadIdentity(dir), pin: loadExchangePin(dir, joinToken) },
    more,
  );
}

test("both sides prove themselves, and the exchange's key is pinned for the next time", async () => {
  const link = await dial();
  expect(link.welcome).toMatchObject({ nodeId: "node-1", accountId: "account-1" });
  link.socket.terminate();
  const pinned = readFileSync(join(dir, "exchange.pub"), "utf8").trim();
  expect(pinned).toBe(exchange.identity.publicKey.toString("base64url"));
  const again = await dial(null);
  again.socket.terminate();
});

test.each<[string, Script, object]>([
  [
    "an exchange that signs with another key",
    { forgesSignature: true },
    { code: "bad-exchange-signature", retryable: false },
  ],
  ["another protocol version", { version: 2 }, { code: "unsupported-version", retryable: false }],
  [
    "a refusal for good",
    { refuses: { code: "node-not-enrolled", message: "who are you", retryable: false } },
    { code: "node-not-enrolled", message: "who are you", retryable: false },
  ],
  [
    "a refusal for now",
    { refuses: { code: "overloaded", message: "later", retryable: true } },
    { code: "overloaded", retryable: true },
  ],
])("%s makes no link", async (_name, script, expected) => {
  exchange.script = script;
  await expect(dial()).rejects.toMatchObject(expected);
});

test("a join token of another exchange makes no link", async () => {
  const foreign = createJoinToken(createIdentity().publicKey);
  await expect(dial(foreign)).rejects.toMatchObject({ code: "wrong-exchange", retryable: false });
});

test("an exchange with another key than the pinned one makes no link, whatever its token", async () => {
  const link = await dial();
  link.socket.terminate();
  const impostor = await startScriptedExchange();
  const attempt = openLink(
    { exchangeUrl: impostor.url, nodeName: "node", joinToken: impostor.joinToken, build: "test" },
    { identity: loadIdentity(dir), pin: loadExchangePin(dir, impostor.joinToken) },
  );
  await expect(attempt).rejects.toMatchObject({ code: "wrong-exchange", retryable: false });
  await impostor.close();
});

test("first contact without a join token makes no link", async () => {
  await expect(dial(null)).rejects.toMatchObject({ code: "wrong-exchange" });
});

test("an exchange that does not answer is given up after the timeout", async () => {
  exchange.script = { stallsHandshake: true };
  const attempt = dial(exchange.joinToken, { timeoutMs: 50 });
  await expect(attempt).rejects.toMatchObject({ code: "timeout", retryable: true });
});

test("a handshake can be called off", async () => {
  exchange.script = { stallsHandshake: true };
  const stop = new AbortController();
  const attempt = dial(exchange.joinToken, { signal: stop.signal });
  stop.abort();
  await expect(attempt).rejects.toMatchObject({ code: "stopped" });
});

test("where nobody listens the socket's error is told", async () => {
  const gone = exchange.url;
  await exchange.close();
  const attempt = openLink(
    { exchangeUrl: gone, nodeName: "node", joinToken: exchange.joinToken, build: "test" },
    { identity: loadIdentity(dir), pin: loadExchangePin(dir, exchange.joinToken) },
  );
  await expect(attempt).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("an exchange that has no room tells when to come back", async () => {
  const busy = http.createServer();
  busy.on("upgrade", (_request, socket) => {
    socket.end("HTTP/1.1 503 Busy\r\nretry-after: 7\r\nconnection: close\r\n\r\n");
  });
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  const { port } = busy.address() as AddressInfo;
  const attempt = openLink(
    { exchangeUrl: `ws://127.0.0.1:${port}`, nodeName: "node", joinToken: null, build: "test" },
    { identity: loadIdentity(dir), pin: loadExchangePin(dir, null) },
  );
  await expect(attempt).rejects.toMatchObject({ retryable: true, retryAfterMs: 7_000 });
  await new Promise((resolve) => busy.close(resolve));
});

test("what comes in one message with the welcome is kept for the session", async () => {
  exchange.script = { behindWelcome: [PING] };
  const link = await dial();
  expect(link.early).toHaveLength(1);
  link.socket.terminate();
});

test("the key files are for their owner alone", async () => {
  const link = await dial();
  link.socket.terminate();
  for (const file of ["node.key", "exchange.pub"]) {
    expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
  }
  expect(loadIdentity(dir).publicKey).toEqual(loadIdentity(dir).publicKey);
});
