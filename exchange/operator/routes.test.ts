import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findByApiKey } from "#exchange/api-key.ts";
import { START_MS } from "#exchange/core/core.fixture.ts";
import { createMemoryJournal } from "#exchange/journal/memory-journal.ts";
import { recoverCore } from "#exchange/recovery.ts";
import { createTestExchange, type TestExchange } from "#exchange/trading/trading.fixture.ts";
import { createIdentity, fingerprintOf, JOIN_TOKEN, secretHash } from "#protocol/signing.ts";

let exchange: TestExchange;
let account_id: string;
beforeAll(async () => {
  exchange = await createTestExchange();
  const created = await exchange.operator("POST", "accounts", { name: "acme", mode: "advanced" });
  account_id = (created.body.data as { account_id: string }).account_id;
});
afterAll(() => exchange.close());

test("money is booked once per reference and shows in the account", async () => {
  const deposit = (amount: string, reference: string, to?: string) =>
    exchange.operator("POST", "deposits", { account_id, amount, reference, ...(to && { to }) });
  expect((await deposit("12.50", "wire-1")).body.data).toEqual({ balance: "12.500000" });
  expect((await deposit("12.50", "wire-1")).body.data).toEqual({ balance: "12.500000" });
  const reused = await deposit("13", "wire-1");
  expect([reused.status, reused.body.errors?.code]).toEqual([409, "REFERENCE_REUSED"]);
  await deposit("3", "bond-1", "bond");
  expect((await exchange.operator("GET", "accounts")).body.data).toEqual([
    expect.objectContaining({ account_id, name: "acme", available: "12.500000", bond: "3.000000" }),
  ]);
});

test("a join token is shown once, stored as a hash, and expires on the exchange's clock", async () => {
  const body = { account_id, nodes_max: 3, expires_in_seconds: 60 };
  const { data } = (await exchange.operator("POST", "join-tokens", body)).body;
  const { token, expires_at } = data as { token: string; expires_at: string };
  expect(token).toMatch(JOIN_TOKEN);
  expect(Date.parse(expires_at)).toBe(START_MS + 60_000);
  const stored = exchange.shell.state.joinTokens.get(secretHash(token));
  expect(stored).toMatchObject({ nodesLeft: 3, expiresAtMs: START_MS + 60_000 });
});

test("an API key works and is stored as a hash; a signing key is registered by its bytes", async () => {
  const made = await exchange.operator("POST", "keys", {
    account_id,
    label: "app",
    environment: "test",
  });
  const { key, key_id } = made.body.data as { key: string; key_id: string };
  expect(key).toMatch(/^gs_test_[0-9A-Za-z]{46}$/);
  expect(findByApiKey(exchange.shell.state, key)?.keyId).toBe(key_id);
  expect(JSON.stringify([...exchange.shell.state.apiKeys.values()])).not.toContain(key.slice(16));
  const { publicKey } = createIdentity();
  const registered = await exchange.operator("POST", "keys", {
    account_id,
    label: "desk",
    kind: "signing",
    public_key: publicKey.toString("base64"),
  });
  expect(registered.body.data).toMatchObject({ fingerprint: fingerprintOf(publicKey) });
});

test("the integrity of the state is the hash of what a replay of the journal gives", async () => {
  const { body } = await exchange.operator("GET", "integrity");
  const { seq, state_sha256 } = body.data as { seq: number; state_sha256: string };
  const replayed = recoverCore(createMemoryJournal(exchange.store).recovered);
  expect(seq).toBe(exchange.shell.state.seq);
  expect(state_sha256).toBe(createHash("sha256").update(replayed.snapshot()).digest("hex"));
  const closed = await exchange.operator("GET", "integrity", undefined, "gso_tesT");
  expect([closed.status, closed.body.errors?.code]).toEqual([401, "OPERATOR_TOKEN_INVALID"]);
});

test.each(["accounts", "deposits", "join-tokens", "keys", "backup"])(
  "%s is closed to a wrong token",
  async (path) => {
    for (const token of ["", "gso_tesT", "gso_test0"]) {
      const refused = await exchange.operator("POST", path, {}, token);
      expect([refused.status, refused.body.errors?.code]).toEqual([401, "OPERATOR_TOKEN_INVALID"]);
    }
  },
);

test.each<[string, string, (id: string) => object, number, string, RegExp]>([
  [
    "an amount with an exponent",
    "deposits",
    (id) => ({ account_id: id, amount: "1e3", reference: "a" }),
    400,
    "INVALID_AMOUNT",
    /plain decimal/,
  ],
  [
    "a negative amount",
    "deposits",
    (id) => ({ account_id: id, amount: "-1", reference: "b" }),
    400,
    "INVALID_AMOUNT",
    /no sign/,
  ],
  [
    "an amount of zero",
    "deposits",
    (id) => ({ account_id: id, amount: "0", reference: "c" }),
    400,
    "INVALID_AMOUNT",
    /more than 0/,
  ],
  [
    "an amount below a micro-dollar",
    "deposits",
    (id) => ({ account_id: id, amount: "0.0000001", reference: "d" }),
    400,
    "INVALID_AMOUNT",
    /6 decimal places/,
  ],
  [
    "an amount as a number",
    "deposits",
    (id) => ({ account_id: id, amount: 1, reference: "e" }),
    422,
    "VALIDATION_ERROR",
    /amount is 1, expected string/,
  ],
  [
    "an unknown field",
    "accounts",
    () => ({ name: "x", colour: 1 }),
    422,
    "VALIDATION_ERROR",
    /colour/,
  ],
  [
    "an unknown mode",
    "accounts",
    () => ({ name: "x", mode: "auto" }),
    422,
    "VALIDATION_ERROR",
    /easy, advanced/,
  ],
  [
    "an account that is none",
    "keys",
    () => ({ account_id: "acme", label: "x" }),
    404,
    "ACCOUNT_NOT_FOUND",
    /acme/,
  ],
  [
    "a signing key without its bytes",
    "keys",
    (id) => ({ account_id: id, label: "x", kind: "signing" }),
    422,
    "VALIDATION_ERROR",
    /public_key/,
  ],
])("%s is refused by name", async (_name, path, body, status, code, message) => {
  const refused = await exchange.operator("POST", path, body(account_id));
  expect([refused.status, refused.body.errors?.code]).toEqual([status, code]);
  expect(refused.body.errors?.message).toMatch(message);
});
