import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestExchange, type TestExchange } from "#exchange/trading/trading.fixture.ts";
import { publicId } from "#protocol/ids.ts";

let exchange: TestExchange;
beforeAll(async () => {
  exchange = await createTestExchange();
});
afterAll(() => exchange.close());

test("a request that is not there is not found, in words", async () => {
  const { account } = await exchange.trader("buyer");
  for (const id of [publicId("account", account), "nobody"]) {
    const { status, body } = await exchange.operator("GET", `accounts/${id}/requests/r-1`);
    expect([status, body.errors?.code]).toEqual([404, "DELIVERY_NOT_FOUND"]);
    expect(JSON.stringify(body.errors)).toContain("has no request");
  }
});
