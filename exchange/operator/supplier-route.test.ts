import { afterAll, beforeAll, expect, test } from "vitest";
import { DOLLAR, START_MS, SYMBOL, UNIT } from "#exchange/core/core.fixture.ts";
import { createTestExchange, type TestExchange } from "#exchange/trading/trading.fixture.ts";
import { publicId } from "#protocol/ids.ts";

let exchange: TestExchange;
beforeAll(async () => {
  exchange = await createTestExchange();
});
afterAll(() => exchange.close());

const scoresOf = (account: number) =>
  exchange.operator("GET", `suppliers/${publicId("account", account)}/scores`);

/** A supplier whose Unit a buyer holds, and one delivery of it that failed. */
async function supplierThatFailed(): Promise<number> {
  const { account } = await exchange.supplier("S");
  const buyer = await exchange.trader("B", 10n);
  const order = {
    ...({ type: "place-order", orderType: "limit", timeInForce: "gtc" } as const),
    ...{
      symbol: SYMBOL,
      quantity: UNIT,
      priceTicks: DOLLAR,
      maxSlippageBps: null,
      postOnly: false,
    },
    clientOrderId: null,
  } as const;
  await exchange.run({ ...order, account, side: "sell", issueMissing: true });
  await exchange.run({ ...order, account: buyer.account, side: "buy", issueMissing: false });
  const units = { account: buyer.account, symbol: SYMBOL, quantity: UNIT };
  await exchange.run({ type: "transfer-to-consumption", ...units });
  const key = { account: buyer.account, keyId: "k", secretHash: "h", label: "" };
  await exchange.run({ type: "add-api-key", ...key });
  const { delivery } = await exchange.run({
    ...{ type: "reserve-delivery", account: buyer.account, symbol: SYMBOL, keyId: "k" },
    ...{ promptTokens: 400, maxOutputTokens: 600, choices: 1, requestId: "r" },
  });
  await exchange.run({
    ...{ type: "release-delivery", delivery, attempt: 1, verdict: "failed" },
    ...{ cause: "link-lost", completionTokens: 0 },
  });
  return account;
}

test("the operator sees how a supplier stands, per instrument", async () => {
  const account = await supplierThatFailed();
  const { status, body } = await scoresOf(account);
  expect(status).toBe(200);
  expect(body.data).toMatchObject({
    account_id: publicId("account", account),
    pending: "0.000000",
    owed: "0.000000",
    integrity: [],
    instruments: [
      {
        instrument: SYMBOL,
        tier: "probation",
        tier_since: new Date(START_MS).toISOString(),
        breaker: "closed",
        weight_bps: 10_000,
        suspended_until: null,
        window: {
          ends_at: new Date(START_MS + 14_400_000).toISOString(),
          good: { requests: 0, tokens: 0 },
          failed: { requests: 1, tokens: 912 },
          failed_value: "0.000912",
        },
        last_window: null,
        rolling: { requests: 1, failed: 1 },
      },
    ],
  });
});

test("an account that never sold has no instruments; one that is not there is not found", async () => {
  const { account } = await exchange.trader("buyer");
  expect((await scoresOf(account)).body.data).toMatchObject({ instruments: [] });
  const missing = await scoresOf(999);
  expect([missing.status, missing.body.errors?.code]).toEqual([404, "ACCOUNT_NOT_FOUND"]);
  const malformed = await exchange.operator("GET", "suppliers/nobody/scores");
  expect(malformed.status).toBe(404);
});
