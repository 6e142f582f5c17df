/** What a supervisor, a load balancer and the operator are told of a real exchange over a real socket. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createExchange, type Exchange } from "./app.ts";
import { systemClock } from "./clock.ts";
import { loadExchangeConfig } from "./config.ts";
import { BREACH_REMEDY } from "./invariant-watch.ts";

let dir = "";
let url = "";
let exchange: Exchange;
let keptStaleAddress = true;
const readJson = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../config/${name}.json`, import.meta.url), "utf8"));

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-health-"));
  const address = join(dir, "exchange.url");
  writeFileSync(address, "http://127.0.0.1:9\n");
  const env = { GRIDSPOT_DATA_DIR: dir, GRIDSPOT_PORT: "0" };
  const files = { instruments: readJson("instruments"), policy: readJson("policy") };
  const loaded = loadExchangeConfig(env, files);
  if (!loaded.ok) throw new Error(loaded.problems.join("; "));
  exchange = await createExchange(loaded.config, {
    clock: systemClock,
    log: pino({ level: "silent" }),
    onFatal(error) {
      throw error;
    },
  });
  keptStaleAddress = existsSync(address);
  url = `http://127.0.0.1:${await exchange.listen()}`;
});
afterAll(async () => {
  await exchange.close();
  rmSync(dir, { recursive: true, force: true });
});

async function ask(path: string, init: RequestInit = {}): Promise<[number, unknown]> {
  const headers = { authorization: `Bearer ${exchange.secrets.operatorToken}` };
  const response = await fetch(url + path, { ...init, headers: { ...headers, ...init.headers } });
  return [response.status, await response.json()];
}

const seq = expect.any(Number);

test("the address that a killed process left is gone before this one serves", () => {
  expect(keptStaleAddress).toBe(false);
});

test("an exchange that trades is alive and ready", async () => {
  for (const path of ["/healthz", "/readyz"]) {
    expect(await ask(path)).toEqual([200, { status: "ok", seq }]);
  }
  expect(await ask("/operator/v1/status")).toEqual([200, { data: { status: "ok", seq } }]);
});

test.each([
  ["words that are no JSON", "{", { "content-type": "application/json" }, 400, "MALFORMED_JSON"],
  ["another media type", "a=b", { "content-type": "text/css" }, 415, "UNSUPPORTED_MEDIA_TYPE"],
  [
    "too much",
    JSON.stringify({ name: "x".repeat(70_000) }),
    { "content-type": "application/json" },
    413,
    "BODY_TOO_LARGE",
  ],
])("the operator's API says what is wrong with %s, as every other does", async (...row) => {
  const [, body, headers, status, code] = row;
  const refused = await ask("/operator/v1/accounts", { method: "POST", body, headers });
  expect(refused).toEqual([status, { errors: expect.objectContaining({ code }) }]);
});

test("a path that is none is refused by name", async () => {
  const message = "no GET /nowhere";
  const errors = expect.objectContaining({ code: "NOT_FOUND", message });
  expect(await ask("/nowhere?a=b")).toEqual([404, { errors }]);
});

test("one whose trading is stopped is alive, so that nobody kills the evidence, and not ready", async () => {
  exchange.shell.stopTrading("the exchange's books are in disorder: order 3");
  const body = { status: "trading-stopped", seq };
  expect(await ask("/healthz")).toEqual([200, body]);
  expect(await ask("/readyz")).toEqual([503, body]);
  const reason = "the exchange's books are in disorder: order 3";
  expect(await ask("/operator/v1/status")).toEqual([
    200,
    { data: { ...body, reason, remedy: BREACH_REMEDY } },
  ]);
  const headers = { authorization: "Bearer gso_wrong" };
  expect((await ask("/operator/v1/status", { headers }))[0]).toBe(401);
});
