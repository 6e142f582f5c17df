import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, quietSla, UNIT } from "#exchange/core/core.fixture.ts";

const DAY_MS = 24 * 3_600_000;

function marketWithMoney() {
  const market = createTestMarket({ sla: quietSla });
  const account = market.account("B", 1_000_000n, "advanced");
  const ask = (
    amountMicros: bigint,
    reference = "out-1",
    from: "available" | "bond" = "available",
  ) => market.tryTo({ type: "request-withdrawal", account, amountMicros, from, reference });
  return { market, account, ask };
}

test("a request sets the money aside, its completion pays it out", () => {
  const { market, account, ask } = marketWithMoney();
  expect(ask(400_000n)).toMatchObject({ result: { withdrawal: 1 } });
  expect(market.free(`${account}:avail`)).toBe(600_000n);
  expect(market.balance(`${account}:avail`)).toBe(1_000_000n);
  market.run({ type: "complete-withdrawal", withdrawal: 1 });
  expect(market.balance(`${account}:avail`)).toBe(600_000n);
  expect(market.balance("world")).toBe(-600_000n);
  expect(market.tryTo({ type: "complete-withdrawal", withdrawal: 1 })).toMatchObject({
    rejection: { code: "withdrawal-not-found" },
  });
});

test("a rejected one is given back, and so is one that nobody decided on within 14 days", () => {
  const { market, account, ask } = marketWithMoney();
  ask(400_000n);
  market.run({ type: "reject-withdrawal", withdrawal: 1, reason: "account closed at the bank" });
  expect(market.free(`${account}:avail`)).toBe(1_000_000n);
  ask(300_000n, "out-2");
  market.advance(14 * DAY_MS - 1);
  expect(market.free(`${account}:avail`)).toBe(700_000n);
  market.advance(1);
  expect(market.free(`${account}:avail`)).toBe(1_000_000n);
  expect(market.events.at(-1)).toMatchObject({ type: "withdrawal-rejected", reason: "expired" });
});

test("what orders hold cannot be withdrawn, to the micro-dollar, and what is set aside buys nothing", () => {
  const { market, account, ask } = marketWithMoney();
  market.run(market.order(account, { quantity: 50, priceTicks: DOLLAR }));
  expect(ask(495_001n)).toMatchObject({
    rejection: { code: "insufficient-balance", details: { available: "0.495000" } },
  });
  expect(ask(495_000n).ok).toBe(true);
  expect(market.tryTo(market.order(account, { quantity: 1 })).ok).toBe(false);
});

test("the same request again is the same withdrawal; another under its reference is refused", () => {
  const { market, account, ask } = marketWithMoney();
  ask(100n);
  expect(ask(100n)).toMatchObject({ result: { withdrawal: 1 } });
  expect(ask(101n)).toMatchObject({ rejection: { code: "reference-reused" } });
  market.run({ type: "complete-withdrawal", withdrawal: 1 });
  expect(ask(100n)).toMatchObject({ rejection: { code: "reference-reused" } });
  const deposit = { account, amountMicros: 100n, to: "available" } as const;
  expect(market.tryTo({ type: "deposit", ...deposit, reference: "out-1" })).toMatchObject({
    rejection: { code: "reference-reused" },
  });
});

test("bond that backs nothing can be withdrawn, the rest stays behind asks and Lots", () => {
  const market = createTestMarket({ sla: quietSla });
  const { account } = market.supplier("S", { bondMicros: 1_000_000n });
  market.ask(account, DOLLAR, UNIT);
  const ask = (amountMicros: bigint) =>
    market.tryTo({
      ...{ type: "request-withdrawal", account, amountMicros, from: "bond", reference: "b" },
    });
  expect(ask(200_001n)).toMatchObject({ rejection: { code: "insufficient-balance" } });
  expect(ask(200_000n).ok).toBe(true);
  expect(market.restored().state.withdrawals.size).toBe(1);
});
