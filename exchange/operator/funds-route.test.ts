import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestExchange, type TestExchange } from "#exchange/trading/trading.fixture.ts";

let exchange: TestExchange;
beforeAll(async () => {
  exchange = await createTestExchange();
});
afterAll(() => exchange.close());

const pay = (fund: string, amount: string, reference: string) =>
  exchange.operator("POST", "exchange-funds", { fund, amount, reference });

test("a fund is paid into once per reference, and shows", async () => {
  expect((await pay("cover", "12.50", "a")).body.data).toEqual({
    fund: "cover",
    balance: "12.500000",
  });
  expect((await pay("cover", "12.50", "a")).body.data).toMatchObject({ balance: "12.500000" });
  await pay("guaranty", "3", "b");
  expect((await exchange.operator("GET", "exchange-funds")).body.data).toEqual({
    cover: "12.500000",
    cover_in_use: "0.000000",
    guaranty: "3.000000",
    guaranty_set_aside: "0.000000",
    fees: "0.000000",
    owed_by_suppliers: "0.000000",
  });
});

test("the exchange's own money is nobody's account", async () => {
  expect((await exchange.operator("GET", "accounts")).body.data).toEqual([]);
});

test.each([
  ["a reference of another payment", () => pay("guaranty", "12.50", "a"), 409, "REFERENCE_REUSED"],
  ["nothing", () => pay("cover", "0", "c"), 400, "INVALID_AMOUNT"],
  ["a fraction of a micro-dollar", () => pay("cover", "0.0000001", "c"), 400, "INVALID_AMOUNT"],
  ["another fund", () => pay("fees", "1", "c"), 422, "VALIDATION_ERROR"],
])("%s is refused", async (_what, send, status, code) => {
  const { body, status: got } = await send();
  expect([got, body.errors?.code]).toEqual([status, code]);
});
