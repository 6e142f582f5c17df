import { expect, test } from "vitest";
import {
  createTestMarket,
  DOLLAR,
  policy,
  quietSla,
  SYMBOL,
  UNIT,
} from "#exchange/core/core.fixture.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test.each([
  { name: "nothing at all", prompt: 0, output: 0, choices: 1 },
  { name: "no choice", prompt: 100, output: 100, choices: 0 },
  { name: "a negative prompt", prompt: -5, output: 1, choices: 1 },
  { name: "a negative output", prompt: 10, output: -5, choices: 1 },
  { name: "a fraction", prompt: 0.5, output: 10, choices: 1 },
  { name: "NaN", prompt: Number.NaN, output: 10, choices: 1 },
  { name: "more than can be counted", prompt: 1, output: Number.MAX_SAFE_INTEGER, choices: 2 },
])("a reservation of $name is refused and changes nothing", ({ prompt, output, choices }) => {
  const market = createTestMarket();
  const { account } = market.supplier("S");
  const buyer = market.account("B", 1_000_000n);
  market.ask(account, DOLLAR, UNIT);
  market.settle(market.reserve(buyer, 100, 100).delivery, 100, 100);
  const before = text(market.core.snapshot());
  const outcome = market.tryReserve(buyer, prompt, output, choices);
  expect(outcome).toMatchObject({ ok: false, rejection: { code: "invalid-quantity" }, events: [] });
  expect(text(market.core.snapshot())).toBe(before);
});

test("a Lot past its expiry ends when the delivery that held it moves to another supplier", () => {
  const market = createTestMarket({ sla: quietSla });
  const [first, second] = [market.supplier("first"), market.supplier("second")];
  const buyer = market.account("B", 1_000_000n);
  market.ask(first.account, DOLLAR, 1);
  market.ask(second.account, DOLLAR, 1);
  market.settle(market.reserve(buyer, 100, 100).delivery, 100, 100);
  market.advance(policy.lotLifetimeMs - 1);
  const { delivery, supplier } = market.reserve(buyer, 100, 100);
  expect(supplier).toBe(first.account);
  market.advance(1);
  market.run({ type: "retry-delivery", delivery, attempt: 1, cause: "no answer" });
  expect([...market.state.lots.values()].map((lot) => lot.supplier)).toEqual([second.account]);
  expect(market.balance("lot1:escrow")).toBe(0n);
  // All its slots were healthy: the supplier is paid for what was not used.
  expect(market.balance(`${first.account}:pending`)).toBe(10_000n);
});

test("a key that is revoked reserves nothing more, nor does one of another account", () => {
  const market = createTestMarket();
  const { account: seller } = market.supplier("S");
  market.ask(seller, DOLLAR, UNIT);
  const buyer = market.account("B", 5_000_000n);
  const other = market.account("O", 5_000_000n);
  const key = market.keyOf(buyer);
  const refusal = { ok: false, rejection: { code: "key-not-found" }, events: [] };
  const reserve = (account: number, keyId: string) =>
    market.tryTo({
      ...{ type: "reserve-delivery", account, keyId, symbol: SYMBOL, requestId: "r" },
      ...{ promptTokens: 10, maxOutputTokens: 10, choices: 1 },
    });
  expect(reserve(other, key)).toMatchObject(refusal);
  expect(reserve(buyer, "unheard of")).toMatchObject(refusal);
  expect(reserve(buyer, key).ok).toBe(true);
  market.run({ type: "revoke-key", account: buyer, key });
  expect(reserve(buyer, key)).toMatchObject(refusal);
});

test("a delivery of a key that is revoked tries no other supplier, and is still paid for", () => {
  const market = createTestMarket();
  for (const name of ["S", "T"]) market.ask(market.supplier(name).account, DOLLAR, UNIT);
  const buyer = market.account("B", 5_000_000n);
  const { delivery } = market.reserve(buyer, 10, 10);
  market.run({ type: "revoke-key", account: buyer, key: market.keyOf(buyer) });
  expect(
    market.tryTo({ type: "retry-delivery", delivery, attempt: 1, cause: "test" }),
  ).toMatchObject({ ok: false, rejection: { code: "key-not-found" } });
  expect(market.settle(delivery, 10, 5).usedTokens).toBe(15);
});

test("two requests that race for the last tokens do not both get them", () => {
  const market = createTestMarket();
  const { account } = market.supplier("S");
  const buyer = market.account("B", 1_000_000n, "advanced");
  market.ask(account, DOLLAR, UNIT);
  market.run(market.order(buyer, { quantity: 1, priceTicks: DOLLAR }));
  expect(market.tryReserve(buyer, 1_000, 5_000)).toMatchObject({ ok: true });
  expect(market.tryReserve(buyer, 1_000, 5_000)).toMatchObject({
    ok: false,
    rejection: { code: "no-units", details: { required_tokens: 6_000 } },
  });
  expect(market.tryReserve(buyer, 1_000, 3_000)).toMatchObject({ ok: true });
});
