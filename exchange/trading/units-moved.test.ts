import { afterAll, beforeAll, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { createTestExchange, type TestExchange } from "./trading.fixture.ts";

let exchange: TestExchange;
beforeAll(async () => {
  exchange = await createTestExchange();
});
afterAll(() => exchange.close());

test("Units that went to Consumption and back are shown in Trading, where they can be sold", async () => {
  const seller = await exchange.supplier("S-back");
  const buyer = await exchange.trader("B-back", 20n);
  const order = {
    ...({ type: "place-order", orderType: "limit", timeInForce: "gtc" } as const),
    ...{ symbol: SYMBOL, quantity: 50, priceTicks: 9_000, maxSlippageBps: null, postOnly: false },
    clientOrderId: null,
  };
  await exchange.run({ ...order, account: seller.account, side: "sell", issueMissing: true });
  await exchange.run({ ...order, account: buyer.account, side: "buy", issueMissing: false });
  const units = { account: buyer.account, symbol: SYMBOL, quantity: 20 };
  await exchange.run({ type: "transfer-to-consumption", ...units });
  await exchange.run({ type: "transfer-to-trading", ...units, quantity: 15 });
  const sale = { ...order, account: buyer.account, priceTicks: 20_000, quantity: 10 };
  await exchange.run({ ...sale, side: "sell", issueMissing: false });
  const trading = await buyer.get("/v1/trading-accounts");
  const figures = { total_balance: "0.45", locked_balance: "0.1", available_balance: "0.35" };
  expect(trading.body.data).toContainEqual(expect.objectContaining(figures));
  const consumption = await buyer.get("/v1/consumption-accounts");
  expect(consumption.body.data).toContainEqual(
    expect.objectContaining({ instrument_symbol: SYMBOL, total_balance: "0.05" }),
  );
});
