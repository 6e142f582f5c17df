import { afterAll, beforeAll, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { createTestExchange, type TestExchange } from "#exchange/trading/trading.fixture.ts";

let exchange: TestExchange;
beforeAll(async () => {
  exchange = await createTestExchange();
});
afterAll(() => exchange.close());

const halt = (symbol: string, body: object) =>
  exchange.operator("POST", `instruments/${symbol}/halt-delivery`, body);

test("an operator halts the delivery of an instrument and lets it go on, and is told for how long", async () => {
  const halted = await halt(SYMBOL, { reason: "a wrong tokenizer" });
  const halted_since = new Date(exchange.clock.nowMs()).toISOString();
  expect([halted.status, halted.body.data]).toEqual([200, { symbol: SYMBOL, halted_since }]);
  expect(exchange.shell.state.deliveryHalts.get(SYMBOL)?.sinceMs).toBe(exchange.clock.nowMs());
  exchange.clock.advance(60_000);
  const resumed = await exchange.operator("POST", `instruments/${SYMBOL}/resume-delivery`);
  expect(resumed.body.data).toEqual({ symbol: SYMBOL, halted_ms: 60_000 });
});

test("an unknown instrument, no reason and no token are refused", async () => {
  const none = await halt("text-none", { reason: "x" });
  expect([none.status, none.body.errors?.code]).toEqual([404, "INSTRUMENT_NOT_FOUND"]);
  expect((await halt(SYMBOL, {})).body.errors?.code).toBe("VALIDATION_ERROR");
  const path = `instruments/${SYMBOL}/halt-delivery`;
  const stranger = await exchange.operator("POST", path, { reason: "x" }, "gso_other");
  expect(stranger.body.errors?.code).toBe("OPERATOR_TOKEN_INVALID");
});
