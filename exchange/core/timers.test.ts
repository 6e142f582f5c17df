import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, policy, UNIT } from "./core.fixture.ts";
import { restoreCore } from "./core.ts";

const DAY_MS = 24 * 3_600_000;

test("a deposit's reference is remembered for its time, and then names another deposit", () => {
  const market = createTestMarket({ depositReferenceKeptMs: 2 * DAY_MS });
  const account = market.account("B");
  const deposit = { type: "deposit", account, amountMicros: 5n, to: "available" } as const;
  const send = (reference: string) => market.run({ ...deposit, reference }).balanceMicros;
  expect(send("wire")).toBe("5");
  market.advance(DAY_MS);
  expect(send("later")).toBe("10");
  market.advance(DAY_MS - 1);
  expect(send("wire")).toBe("10");
  market.advance(1);
  expect([...market.state.references.keys()]).toEqual(["later"]);
  expect(send("wire")).toBe("15");
});

test("without a word in the policy, references are remembered for 90 days", () => {
  const { depositReferenceKeptMs: _, ...silent } = policy;
  const market = createTestMarket();
  market.run({ type: "adopt-policy", policy: silent });
  market.account("B", 5n);
  market.advance(90 * DAY_MS - 1);
  expect(market.state.references.size).toBe(1);
  market.advance(1);
  expect(market.state.references.size).toBe(0);
});

test("references are forgotten oldest first, also after a restart from a snapshot", () => {
  const market = createTestMarket({ depositReferenceKeptMs: DAY_MS, dueItemsPerTurnMax: 1 });
  const account = market.account("B");
  for (const reference of ["zebra", "ant"]) {
    market.run({ type: "deposit", account, amountMicros: 5n, to: "available", reference });
    market.skip(1);
  }
  const core = restoreCore(market.core.snapshot());
  core.execute({ type: "tick" }, market.nowMs() + DAY_MS);
  expect([...core.state.references.keys()]).toEqual(["ant"]);
});

test("a join token that ran out is forgotten, and one that did not is kept", () => {
  const market = createTestMarket();
  const account = market.account("S");
  const expiresAtMs = market.nowMs() + 60_000;
  const token = { type: "create-join-token", account, nodesMax: 1 } as const;
  market.run({ ...token, tokenHash: "long", expiresAtMs: expiresAtMs + 1 });
  market.run({ ...token, tokenHash: "short", expiresAtMs });
  market.advance(60_000);
  expect([...market.state.joinTokens.keys()]).toEqual(["long"]);
  const enrol = { type: "enrol-node", publicKey: "key", name: "rack" } as const;
  expect(market.tryTo({ ...enrol, tokenHash: "short" }).ok).toBe(false);
  expect(market.tryTo({ ...enrol, tokenHash: "long" }).ok).toBe(true);
});

test("a delivery whose end is due and has not run is billed no more", () => {
  const market = createTestMarket({ dueItemsPerTurnMax: 1 });
  const { account } = market.supplier("S");
  market.ask(account, DOLLAR, UNIT);
  const buyer = market.account("B", 5_000_000n);
  const [, second] = [market.reserve(buyer, 10, 10), market.reserve(buyer, 10, 10)];
  market.skip(policy.deliveryTimeMsMax);
  const settled = market.tryTo({
    ...{ type: "settle-delivery", delivery: second.delivery, attempt: 1 },
    ...{ promptTokens: 10, completionTokens: 10, firstTokenMs: 1, durationMs: 2 },
    measured: { firstTokenMs: null, tokensPerSecond: null },
    ...{ reportedTokens: null, outputSha256: null, finishReason: "stop", cause: "done" },
  });
  expect(settled).toMatchObject({ ok: false, rejection: { code: "delivery-closed" } });
});

test("a policy that allows less issuance cuts what is on offer", () => {
  const market = createTestMarket();
  const { account } = market.supplier("S", { capacityUnits: 8 });
  const asks = [market.ask(account, DOLLAR, UNIT), market.ask(account, DOLLAR, UNIT)];
  market.run({ type: "adopt-policy", policy: { ...policy, issuanceThetaBps: 1_250 } });
  expect([...market.state.orders.keys()]).toEqual(asks.slice(0, 1));
});
