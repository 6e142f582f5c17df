/** Who takes over when a supplier fails or cannot be sent to, and what its record says of why. */
import { expect, test } from "vitest";
import { UNIT } from "#exchange/core/core.fixture.ts";
import { CENTS, coveredMarket, retry } from "./covered-market.fixture.ts";

test("two suppliers that crash alike are not followed by a third", () => {
  const { market, c } = coveredMarket();
  market.ask(market.supplier("S3").account, CENTS(111), UNIT);
  const { delivery } = market.reserve(c, 1_000, 3_500);
  retry(market, delivery);
  expect(retry(market, delivery, 2)).toMatchObject({
    ok: false,
    rejection: { code: "poison-request" },
  });
});

test("a failure like another's is no poison when both suppliers fail whatever they are asked", () => {
  const { market, s, s2, c } = coveredMarket();
  const third = market.supplier("S3");
  market.ask(third.account, CENTS(111), UNIT);
  const attempts = [1, 2, 3].map(() => {
    const { delivery } = market.reserve(c, 100, 400);
    const results = [1, 2].map((attempt) => retry(market, delivery, attempt));
    const last = results[1];
    if (last?.ok !== true) {
      const poison = { delivery, attempt: 2, verdict: "excused", cause: "poison-request" } as const;
      market.run({ type: "release-delivery", ...poison, completionTokens: 0 });
      return "poison";
    }
    market.settle(delivery, 100, 200, 3);
    return last.result.supplier;
  });
  expect(attempts).toEqual(["poison", third.account, third.account]);
  const judged = market.events.filter((event) => event.type === "delivery-judged").at(-1);
  expect(judged).toMatchObject({
    attempts: [
      { supplier: s.account, verdict: "failed" },
      { supplier: s2.account, verdict: "failed" },
      { supplier: third.account, verdict: "good" },
    ],
  });
});

test.each([
  ["backend-unreachable", "backend-unreachable"],
  ["link-lost", "backend-failed"],
])("%s and then %s are not alike: a third supplier serves", (one, other) => {
  const { market, c } = coveredMarket();
  const third = market.supplier("S3");
  market.ask(third.account, CENTS(111), UNIT);
  const { delivery } = market.reserve(c, 100, 400);
  market.run({ type: "retry-delivery", delivery, attempt: 1, cause: one });
  expect(market.run({ type: "retry-delivery", delivery, attempt: 2, cause: other })).toMatchObject({
    supplier: third.account,
  });
});

/** C draws while S cannot be sent to; the words are why, in the record. */
function covered({ market, c, s }: ReturnType<typeof coveredMarket>) {
  const before = market.balance(`${s.account}:bond`) + market.balance(`${s.account}:pending`);
  const { delivery } = market.reserve(c, 1_000, 3_500);
  market.settle(delivery, 1_000, 3_000, 2);
  const judged = market.events.filter((event) => event.type === "delivery-judged").at(-1);
  const after = market.balance(`${s.account}:bond`) + market.balance(`${s.account}:pending`);
  return { ...judged?.attempts[0], paid: before - after };
}

test("a supplier that had no time to link again after a restart of the exchange pays for nobody", () => {
  const example = coveredMarket();
  const { market, s, s2 } = example;
  const lastSeenMs = market.nowMs();
  market.skip(2_000);
  market.run({ type: "resume", lastSeenMs });
  market.link(s2.node, 1000);
  market.skip(29_000);
  expect(covered(example)).toMatchObject({
    ...{ cause: "exchange-resuming", verdict: "excused", paid: 0n },
  });
  expect(market.balance("exch:cover")).toBe(1_000_000n - 400n);
  expect(s.account).toBeGreaterThan(0);
});

test("once it had the time, it does", () => {
  const example = coveredMarket();
  const { market, s2 } = example;
  const lastSeenMs = market.nowMs();
  market.skip(2_000);
  market.run({ type: "resume", lastSeenMs });
  market.link(s2.node, 1000);
  market.skip(60_000);
  expect(covered(example)).toMatchObject({ cause: "supplier-away", verdict: "failed", paid: 400n });
});

test("an announced absence is excused, and pays for cover all the same", () => {
  const example = coveredMarket();
  const { market, s } = example;
  const session = `session-${s.node}`;
  market.run({ type: "disconnect-node", node: s.node, session, reason: "drain" });
  expect(covered(example)).toMatchObject({
    ...{ cause: "supplier-drained", verdict: "excused", paid: 400n },
  });
});

test("a supplier that is linked and serves nothing is covered, and the record says so", () => {
  const example = coveredMarket();
  const { market, s } = example;
  const node = { node: s.node, session: `session-${s.node}`, slots: 4 };
  market.run({ type: "connect-node", ...node, supplies: [] });
  expect(covered(example)).toMatchObject({ cause: "supplier-idle", verdict: "failed", paid: 400n });
});

test("the fund's limit counts what open deliveries may still take", () => {
  const { market, s, c } = coveredMarket({ bondMicros: 800_000n });
  market.run({
    ...{ type: "fund-exchange", fund: "guaranty", amountMicros: 1_000_000n, reference: "fund" },
  });
  // Beyond probation, without money of its own, and with a limit that three deliveries reach.
  const standing = market.state.suppliers.get(s.account)?.instruments.get("text-lite");
  if (standing === undefined || market.state.policy === null) throw new Error("no standing");
  standing.tier = "standard";
  const { policy } = market.state;
  const sla = { ...policy.sla, fundCoverMicrosMax: 130, coverChargeBpsMax: 0 };
  market.run({ type: "adopt-policy", policy: { ...policy, sla } });
  const outcomes = [1, 2, 3, 4].map(() => {
    const { delivery } = market.reserve(c, 100, 300);
    return retry(market, delivery).ok;
  });
  expect(outcomes).toEqual([true, true, true, false]);
});

test("two restarts one after another leave the time to link again", () => {
  const example = coveredMarket();
  const { market, s2 } = example;
  for (const wait of [5_000, 29_000]) {
    const lastSeenMs = market.nowMs();
    market.skip(2_000);
    market.run({ type: "resume", lastSeenMs });
    market.link(s2.node, 1000);
    market.skip(wait);
  }
  expect(covered(example)).toMatchObject({ cause: "exchange-resuming", paid: 0n });
});

test("a supplier's other node, that is back already, does not make it late", () => {
  const example = coveredMarket();
  const { market, s, s2 } = example;
  const token = { tokenHash: "again", account: s.account, nodesMax: 1 };
  market.run({ type: "create-join-token", ...token, expiresAtMs: market.nowMs() + 60_000 });
  const { node } = market.run({
    ...{ type: "enrol-node", tokenHash: "again", publicKey: "second", name: "second" },
  });
  const lastSeenMs = market.nowMs();
  market.skip(2_000);
  market.run({ type: "resume", lastSeenMs });
  market.link(s2.node, 1000);
  market.run({ type: "connect-node", node, session: "second", slots: 1, supplies: [] });
  market.skip(5_000);
  expect(covered(example)).toMatchObject({ cause: "exchange-resuming", paid: 0n });
});
