import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, UNIT } from "#exchange/core/core.fixture.ts";
import { CENTS, coveredMarket, retry } from "./covered-market.fixture.ts";

test("a request of 4,000 tokens that S fails and S2 serves at 1.10 costs C 4,000 and S 400", () => {
  const { market, s, s2, c } = coveredMarket();
  const first = market.reserve(c, 1_000, 3_500);
  const covered = retry(market, first.delivery);
  expect(covered).toMatchObject({ ok: true, result: { supplier: s2.account, attempt: 2 } });
  const before = { s: market.balance(`${s.account}:bond`), cover: 1_000_000n };
  market.settle(first.delivery, 1_000, 3_000, 2);
  expect(market.balance(`${s2.account}:pending`)).toBe(4_400n);
  expect(market.balance(`${s.account}:pending`)).toBe(0n);
  expect(before.s - market.balance(`${s.account}:bond`)).toBe(400n);
  expect(market.balance("exch:cover")).toBe(before.cover);
  expect(market.balance("lot1:escrow")).toBe(16_000n);
  expect(market.balance("lot1/text-lite:tokens")).toBe(16_000n);
  expect(market.balance(`${s.account}/text-lite:issuer`)).toBe(-996_000n);
  // What was bought beyond the 4,000 tokens is S2's to sell again.
  expect(market.balance(`${s2.account}/text-lite:issued`)).toBe(996_000n);
  expect(market.state.lots.size).toBe(1);
});

test("S pays from its pay before its bond", () => {
  const { market, s, c } = coveredMarket();
  market.settle(market.reserve(c, 100, 400).delivery, 100, 200);
  expect(market.balance(`${s.account}:pending`)).toBe(300n);
  const { delivery } = market.reserve(c, 1_000, 3_500);
  retry(market, delivery);
  market.settle(delivery, 1_000, 3_000, 2);
  expect(market.balance(`${s.account}:pending`)).toBe(0n);
  expect(market.balance(`${s.account}:bond`)).toBe(100_000_000n - 100n);
});

test("nothing is charged before the delivery ends, but it is set aside", () => {
  const { market, s, c } = coveredMarket();
  const { delivery } = market.reserve(c, 1_000, 3_500);
  retry(market, delivery);
  expect(market.balance(`${s.account}:bond`)).toBe(100_000_000n);
  expect(market.state.ledger.holdAmount(`charge${delivery}:${s.account}:bond`)).toBe(452n);
  market.run({
    ...{ type: "release-delivery", delivery, attempt: 2, verdict: "failed", cause: "link-lost" },
    completionTokens: 12,
  });
  expect(market.state.ledger.holdAmount(`charge${delivery}:${s.account}:bond`)).toBe(0n);
  expect(market.balance(`${s.account}:bond`)).toBe(100_000_000n);
  expect(market.free("lot1/text-lite:tokens")).toBe(20_000n);
  expect(market.balance("exch:cover")).toBe(1_000_000n);
});

test("cover that fails too is undone, and the next supplier is bought", () => {
  const { market, s2, c } = coveredMarket();
  const s3 = market.supplier("S3");
  market.ask(s3.account, CENTS(115), UNIT);
  const { delivery } = market.reserve(c, 1_000, 3_500);
  retry(market, delivery);
  const again = market.tryTo({ type: "retry-delivery", delivery, attempt: 2, cause: "timeout" });
  expect(again).toMatchObject({ ok: true, result: { supplier: s3.account, attempt: 3 } });
  expect(market.balance(`${s2.account}/text-lite:issued`)).toBe(1_000_000n);
  market.settle(delivery, 1_000, 3_000, 3);
  const charges = market.events.filter((event) => event.type === "supplier-charged");
  // 600 more than the Lot: 200 of it since S2 failed as well.
  expect(charges.map(({ amountMicros }) => amountMicros)).toEqual([200n, 400n]);
  expect(market.balance("exch:cover")).toBe(1_000_000n);
});

test("cheaper cover costs the supplier nothing, and what it saved stays in the fund", () => {
  const { market, s, c } = coveredMarket({ s2Cents: 90 });
  const { delivery } = market.reserve(c, 1_000, 3_500);
  retry(market, delivery);
  market.settle(delivery, 1_000, 3_000, 2);
  expect(market.balance(`${s.account}:bond`)).toBe(100_000_000n);
  expect(market.balance("exch:cover")).toBe(1_000_400n);
});

test("cover at the reference price and a fifth is bought", () => {
  const { market, c } = coveredMarket({ s2Cents: 120 });
  const { delivery } = market.reserve(c, 1_000, 3_500);
  expect(retry(market, delivery)).toMatchObject({ ok: true });
});

test.each([
  ["a tick above the reference price and a fifth", { s2Cents: 120.01 }],
  ["that the exchange has no money for", { coverMicros: 10_999n }],
  ["when the exchange has no fund at all", { coverMicros: 0n }],
])("cover %s is not bought: nothing changes, and the buyer is told to retry", (_what, options) => {
  const { market, c } = coveredMarket(options);
  const { delivery } = market.reserve(c, 1_000, 3_500);
  const before = market.state.seq;
  expect(retry(market, delivery)).toMatchObject({
    ok: false,
    rejection: { code: "no-supplier", message: expect.stringMatching(/retry/) },
  });
  expect(market.state.seq).toBe(before);
});

test("a supplier that is away is covered from the start", () => {
  const { market, s, s2, c } = coveredMarket();
  market.unlink(s.node);
  const reserved = market.reserve(c, 1_000, 3_500);
  expect(reserved).toMatchObject({ supplier: s2.account, attempt: 2 });
  market.settle(reserved.delivery, 1_000, 3_000, 2);
  expect(market.balance("lot1:escrow")).toBe(16_000n);
  expect(market.balance(`${s2.account}:pending`)).toBe(4_400n);
});

test("other Lots of the buyer come before cover, and the failed supplier pays the difference", () => {
  const { market, s, s2, c } = coveredMarket();
  market.deposit(c, 10_000_000n);
  market.run(market.order(c, { quantity: 98, priceTicks: DOLLAR }));
  market.run(market.order(c, { quantity: 2, priceTicks: CENTS(110) }));
  const free = market.balance(`${c}:avail`);
  const { delivery } = market.reserve(c, 1_000, 3_500);
  const bond = market.balance(`${s.account}:bond`);
  retry(market, delivery);
  market.settle(delivery, 1_000, 3_000, 2);
  expect(market.balance(`${s2.account}:pending`)).toBe(4_400n);
  expect(bond - market.balance(`${s.account}:bond`)).toBe(400n);
  expect(market.balance(`${c}:avail`) - free).toBe(400n);
});

test("the exchange's own account takes no deposits, keys or nodes", () => {
  const { market } = coveredMarket();
  for (const command of [
    { type: "deposit", account: 0, amountMicros: 1n, to: "available", reference: "x" },
    { type: "add-api-key", account: 0, keyId: "k", secretHash: "h", label: "" },
    { type: "create-join-token", account: 0, tokenHash: "t", nodesMax: 1, expiresAtMs: 1e15 },
  ] as const) {
    expect(market.tryTo(command)).toMatchObject({ rejection: { code: "account-not-found" } });
  }
});

test("cover undone while its supplier is in its grace costs that supplier no ask", () => {
  const { market, s2, c } = coveredMarket();
  const { delivery } = market.reserve(c, 1_000, 3_500);
  retry(market, delivery);
  market.unlink(s2.node);
  market.run({
    ...{ type: "release-delivery", delivery, attempt: 2, verdict: "failed", cause: "link-lost" },
    completionTokens: 0,
  });
  const asks = () => [...market.state.orders.values()].filter((o) => o.account === s2.account);
  expect(asks()).toMatchObject([{ status: "suspended", quantity: UNIT, filled: 1 }]);
  expect(market.balance(`${s2.account}/text-lite:issued`)).toBe(1_000_000n);
  market.advance(25_000);
  expect(asks()).toEqual([]);
  expect(market.balance(`${s2.account}/text-lite:issued`)).toBe(0n);
});

test("the money of cover that failed buys the next", () => {
  const { market, c } = coveredMarket({ coverMicros: 11_000n });
  const s3 = market.supplier("S3");
  market.ask(s3.account, CENTS(110), UNIT);
  const { delivery } = market.reserve(c, 1_000, 3_500);
  retry(market, delivery);
  const again = market.tryTo({ type: "retry-delivery", delivery, attempt: 2, cause: "timeout" });
  expect(again).toMatchObject({ ok: true, result: { supplier: s3.account } });
});

test("the bond behind a Lot counts as it was bound when the Lot was bought", () => {
  const { market, c } = coveredMarket({ bondMicros: 800_000n });
  const { policy } = market.state;
  if (policy === null) throw new Error("the market has a policy");
  market.run({ type: "adopt-policy", policy: { ...policy, bondMarginBps: 20_000 } });
  const { delivery } = market.reserve(c, 1_000, 3_500);
  expect(retry(market, delivery)).toMatchObject({ ok: true });
  market.settle(delivery, 1_000, 3_000, 2);
  expect(market.balance("exch:cover")).toBe(1_000_000n);
});

test("Lots of a second away supplier are covered when those of the first cannot be", () => {
  const { market, s, s2, c } = coveredMarket();
  const cheap = market.supplier("cheap");
  market.settle(market.reserve(c, 1, 19_999).delivery, 1, 19_999);
  market.ask(cheap.account, CENTS(90), 2);
  for (const cents of [90, 100]) {
    market.run(market.order(c, { quantity: 2, priceTicks: CENTS(cents) }));
  }
  // Those of the cheap supplier end first, and 1.10 is out of their reach.
  for (const { node } of [s, cheap]) market.unlink(node);
  expect(market.reserve(c, 1_000, 3_500)).toMatchObject({ supplier: s2.account, attempt: 2 });
});

test("when other Lots fail too and cover serves, each supplier pays for its own failure", () => {
  const { market, s, s2, c } = coveredMarket();
  const other = market.supplier("other");
  market.deposit(c, 10_000_000n);
  market.run(market.order(c, { quantity: 98, priceTicks: DOLLAR }));
  market.ask(other.account, CENTS(105), 2);
  market.run(market.order(c, { quantity: 2, priceTicks: CENTS(105) }));
  const bonds = () => [s, other].map(({ account }) => market.balance(`${account}:bond`));
  const [before, available] = [bonds(), market.balance(`${c}:avail`)];
  const { delivery } = market.reserve(c, 1_000, 3_500);
  expect(retry(market, delivery)).toMatchObject({ result: { supplier: other.account } });
  const covered = market.tryTo({ type: "retry-delivery", delivery, attempt: 2, cause: "timeout" });
  expect(covered).toMatchObject({ ok: true, result: { supplier: s2.account } });
  market.settle(delivery, 1_000, 3_000, 3);
  // C pays 1.05 and gets back what that is above 1.00; the exchange what 1.10 is above 1.05.
  expect(market.balance(`${c}:avail`) - available).toBe(200n);
  expect(market.balance("exch:cover")).toBe(1_000_000n);
  expect(bonds().map((micros, n) => (before[n] as bigint) - micros)).toEqual([200n, 200n]);
});

test("a purchase after a failure is paid for also where it serves from the rest of a dearer Lot", () => {
  const market = createTestMarket();
  const [first, second] = [market.supplier("first"), market.supplier("second")];
  const buyer = market.account("B", 1_000_000n);
  market.ask(second.account, CENTS(120), 1);
  market.settle(market.reserve(buyer, 1_000, 3_000).delivery, 1_000, 3_000);
  market.ask(first.account, DOLLAR, 1);
  market.ask(second.account, DOLLAR, 1);
  const { delivery } = market.reserve(buyer, 1_000, 9_000);
  const available = market.balance(`${buyer}:avail`);
  expect(retry(market, delivery)).toMatchObject({ result: { supplier: second.account } });
  // 10,000 and the fee for one more increment.
  expect(available - market.balance(`${buyer}:avail`)).toBe(10_100n);
  market.settle(delivery, 1_000, 9_000, 2);
  // 6,000 tokens at 1.20, the rest at 1.00.
  expect(available - market.balance(`${buyer}:avail`)).toBe(10_100n - 1_200n);
});

test("a failure that is the exchange's own is covered at the exchange's cost", () => {
  const { market, s, c } = coveredMarket();
  const { delivery } = market.reserve(c, 1_000, 3_500);
  const cause = "exchange-slow";
  expect(market.tryTo({ type: "retry-delivery", delivery, attempt: 1, cause }).ok).toBe(true);
  market.settle(delivery, 1_000, 3_000, 2);
  expect(market.balance(`${s.account}:bond`)).toBe(100_000_000n);
  expect(market.balance("exch:cover")).toBe(1_000_000n - 400n);
});

test("demand beyond a supplier's slots is no failure: it pays no difference", () => {
  const { market, s, c } = coveredMarket();
  market.deposit(c, 10_000_000n);
  market.run(market.order(c, { quantity: 98, priceTicks: DOLLAR }));
  market.run(market.order(c, { quantity: 2, priceTicks: CENTS(110) }));
  const { delivery } = market.reserve(c, 1_000, 3_500);
  market.run({ type: "retry-delivery", delivery, attempt: 1, cause: "busy" });
  market.settle(delivery, 1_000, 3_000, 2);
  expect(market.balance(`${s.account}:bond`)).toBe(100_000_000n);
});

test("an account that trades by itself is told to retry while its suppliers are away", () => {
  const { market, s, c } = coveredMarket({ coverMicros: 0n });
  market.unlink(s.node);
  expect(market.tryReserve(c, 1_000, 3_500)).toMatchObject({
    rejection: { code: "no-supplier", message: expect.stringMatching(/away.*retry/) },
  });
  expect(market.tryReserve(c, 1_000, 30_000)).toMatchObject({ rejection: { code: "no-units" } });
});
