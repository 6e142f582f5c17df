/** A real exchange process, and orders that no client should send: each gets an error that helps. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createIdentity, fingerprintOf, signedRequestText } from "#protocol/signing.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
let dir = "";
let child: ChildProcess;
let url = "";

/** Starts the process and resolves when it says where it listens. */
function start(): Promise<void> {
  child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), MAIN], {
    env: { ...process.env, GRIDSPOT_DATA_DIR: dir, GRIDSPOT_PORT: "0", GRIDSPOT_LOG_LEVEL: "info" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    let said = "";
    child.once("exit", (code) => reject(new Error(`exit ${code}: ${said}`)));
    child.stdout?.on("data", (part) => {
      said += part;
      const match = /"url":"([^"]+)"/.exec(said);
      if (match === null) return;
      url = match[1] ?? "";
      resolve();
    });
  });
}

function kill(): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners("exit");
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

async function operator(path: string, body: object): Promise<Record<string, string>> {
  const token = readFileSync(join(dir, "operator.token"), "utf8").trim();
  const response = await fetch(`${url}/operator/v1/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const { data } = (await response.json()) as { data: Record<string, string> };
  return data;
}

const trader = createIdentity();

function signed(
  method: string,
  path: string,
  body = "",
  change: Record<string, string> = {},
): Promise<Response> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const text = signedRequestText(timestamp, method, path.split("?")[0] ?? "", body);
  return fetch(`${url}${path}`, {
    method,
    headers: {
      "content-type": "application/json",
      "x-thegrid-timestamp": timestamp,
      "x-thegrid-fingerprint": fingerprintOf(trader.publicKey),
      "x-thegrid-signature": trader.sign(text).toString("base64"),
      ...change,
    },
    ...(body === "" ? {} : { body }),
  });
}

const bid = (fields: object = {}) =>
  JSON.stringify({
    market_id: "text-lite",
    side: "buy",
    type: "limit",
    quantity: "0.05",
    price: "1.00",
    ...fields,
  });

async function json(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-crash-"));
  await start();
  const { account_id } = await operator("accounts", { name: "trader", mode: "advanced" });
  await operator("deposits", { account_id, amount: "10", reference: "first" });
  await operator("keys", {
    account_id,
    label: "trader",
    kind: "signing",
    public_key: trader.publicKey.toString("base64"),
  });
});
afterAll(async () => {
  await kill();
  rmSync(dir, { recursive: true, force: true });
});

test.each([
  ["malformed JSON", '{"market_id":', {}, 400, "MALFORMED_JSON"],
  ["NaN", bid({ quantity: "NaN" }), {}, 400, "INVALID_QUANTITY"],
  ["a negative price", bid({ price: "-1" }), {}, 400, "INVALID_PRICE"],
  ["a quantity of zero", bid({ quantity: "0" }), {}, 400, "INVALID_QUANTITY"],
  ["an over-precise price", bid({ price: "1.00005" }), {}, 400, "INVALID_PRICE"],
  ["an over-precise quantity", bid({ quantity: "0.001" }), {}, 400, "INVALID_QUANTITY"],
  ["a huge price", bid({ price: "99999999999" }), {}, 400, "INVALID_PRICE"],
  ["infinity", bid({ price: "1e309" }), {}, 400, "INVALID_PRICE"],
  [
    "a price as a number with a fraction",
    bid({ price: 0.30000000000000004 }),
    {},
    400,
    "INVALID_PRICE",
  ],
  ["a prototype", `{"__proto__":{"price":"1"},${bid().slice(1)}`, {}, 422, "VALIDATION_ERROR"],
  ["a prototype within", bid({ constructor: { prototype: {} } }), {}, 422, "VALIDATION_ERROR"],
  ["an exponent", bid({ price: "1e3" }), {}, 400, "INVALID_PRICE"],
  ["an unknown field", bid({ colour: "red" }), {}, 422, "VALIDATION_ERROR"],
  ["an order over the balance", bid({ quantity: "100" }), {}, 422, "INSUFFICIENT_BALANCE"],
  ["an unknown market", bid({ market_id: "text-none" }), {}, 404, "INSTRUMENT_NOT_FOUND"],
  ["an oversized body", bid({ market_id: "x".repeat(70_000) }), {}, 413, "BODY_TOO_LARGE"],
  ["a stale signature", bid(), { "x-thegrid-timestamp": "1706500000" }, 401, "EXPIRED_TIMESTAMP"],
  ["a wrong signature", bid(), { "x-thegrid-signature": "AAAA" }, 401, "INVALID_SIGNATURE"],
  ["an unknown key", bid(), { "x-thegrid-fingerprint": "nobody" }, 401, "INVALID_SIGNATURE"],
])("%s gets a clear error", async (_name, body, headers, status, code) => {
  const response = await signed("POST", "/v1/orders", body, headers);
  expect([response.status, (await json(response)).errors]).toEqual([
    status,
    expect.objectContaining({ code, message: expect.stringMatching(/.{10}/) }),
  ]);
});
