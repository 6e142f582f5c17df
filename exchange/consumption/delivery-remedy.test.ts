/** Failures before the first byte, as buyer, suppliers and exchange pay for them. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  ask,
  startConsumption,
  type TestConsumption,
  type WorldOptions,
} from "./consumption.fixture.ts";

let world: TestConsumption;
const start = async (options: WorldOptions = {}) => {
  await world.close();
  world = await startConsumption(options);
};
beforeEach(async () => {
  world = await startConsumption();
});
afterEach(() => world.close());

const ANSWER = {
  choices: [{ index: 0, message: { role: "assistant", content: "four words of answer" } }],
};
test("a failure on two suppliers alike is the request's own: 502, free, and the same body refused at once", async () => {
  await start({ suppliers: ["sam", "ola", "kim"] });
  const call = world.sdk.chat.completions.create(ask);
  (await world.attempt(1)).fail();
  (await world.attempt(2)).fail();
  const refused = { status: 502, code: "request_fails_on_every_supplier" };
  await expect(call).rejects.toMatchObject(refused);
  expect(world.last("delivery-released")).toMatchObject({
    verdict: "excused",
    cause: "poison-request",
  });
  expect(world.paid()).toEqual([0n, 0n, 0n]);
  await expect(world.sdk.chat.completions.create(ask)).rejects.toMatchObject(refused);
  expect(world.attempts).toHaveLength(2);
  const other = { ...ask, messages: [{ role: "user" as const, content: "another" }] };
  const next = world.sdk.chat.completions.create(other);
  (await world.attempt(3)).answer(ANSWER).end();
  await expect(next).resolves.toMatchObject({ object: "chat.completion" });
});

test("while the exchange itself is slow, a late supplier is not blamed", async () => {
  await start({ exchangeIsSlow: true });
  const call = world.sdk.chat.completions.create(ask).catch(() => {});
  (await world.attempt()).fail({ code: "timeout", status: null });
  await call;
  expect(world.last("delivery-released")).toMatchObject({ cause: "exchange-slow" });
});

test("a failure is covered by the exchange: the buyer pays the first price, the supplier the difference", async () => {
  await start({ suppliers: ["sam", "ola"] });
  const { market, suppliers } = world;
  market.run({
    ...{ type: "fund-exchange", fund: "cover", amountMicros: 1_000_000n, reference: "seed" },
  });
  const bond = market.balance(`${suppliers[0]}:bond`);
  const call = world.sdk.chat.completions.create(ask).withResponse();
  (await world.attempt(1)).fail();
  (await world.attempt(2)).answer(ANSWER).end();
  const { response } = await call;
  expect(response.headers.get("x-gridspot-lot-price")).toBe("1.0000");
  const settled = world.last("delivery-settled");
  const { usedTokens, costMicros } = settled as { usedTokens: number; costMicros: bigint };
  expect(costMicros).toBe(BigInt(usedTokens));
  const served = (BigInt(usedTokens) * 101n) / 100n;
  expect(world.paid()).toEqual([0n, served]);
  expect(bond - market.balance(`${suppliers[0]}:bond`)).toBe(served - costMicros);
  expect(market.balance("exch:cover")).toBe(1_000_000n);
});
