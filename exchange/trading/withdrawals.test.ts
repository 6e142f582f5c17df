/** Money out, from the request of an account to the operator's word, over a real socket. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Published, PublishedClient } from "./published-client.fixture.ts";
import { type PublishedWorld, refusal, startPublishedWorld } from "./published-world.fixture.ts";

let world: PublishedWorld;
let trader: PublishedClient;
beforeAll(async () => {
  world = await startPublishedWorld();
  ({ trader } = world);
});
afterAll(() => world.close());

const money = async () => (await trader.get("/currency-trading-accounts"))[0];
const ask = (fields: object = {}) =>
  trader.post("/withdrawals", { amount: "12.50", reference: "out-1", ...fields });

test("a withdrawal is set aside at once, shown to both sides, and gone when it is completed", async () => {
  const asked = await ask();
  expect([trader.status, asked]).toMatchObject([
    202,
    { amount: "12.500000", from: "available", reference: "out-1", status: "pending" },
  ]);
  expect(await money()).toMatchObject({
    total_balance: "100.000000",
    available_balance: "87.500000",
  });
  expect(await ask()).toEqual(asked);
  expect(await trader.get("/withdrawals")).toEqual([asked]);
  expect(await world.operator("GET", "withdrawals")).toEqual([asked]);
  const path = `withdrawals/${asked.withdrawal_id}/complete`;
  expect(await world.operator("POST", path)).toMatchObject({
    status: "completed",
    amount: "12.500000",
  });
  expect(await money()).toMatchObject({ total_balance: "87.500000", locked_balance: "0.000000" });
  await expect(world.operator("POST", path)).rejects.toThrow(/WITHDRAWAL_NOT_FOUND/);
});

test("a rejected one is given back", async () => {
  const before = await money();
  const asked = await ask({ reference: "out-2" });
  const path = `withdrawals/${asked.withdrawal_id}/reject`;
  await world.operator("POST", path, { reason: "no such bank account" });
  expect(await money()).toEqual(before);
  expect(await trader.get("/withdrawals")).toEqual([]);
});

test("references of accounts are their own: none is taken from another, or from a deposit", async () => {
  const { client } = await world.open("other", "20");
  const own: Published = await client.post("/withdrawals", { amount: "1", reference: "same" });
  const others = await ask({ reference: "same", amount: "2" });
  expect([own.reference, others.reference]).toEqual(["same", "same"]);
  expect(own.withdrawal_id).not.toBe(others.withdrawal_id);
  expect(await client.get("/withdrawals")).toEqual([own]);
  // "trader" was the reference of the trader's own deposit.
  expect(await ask({ reference: "trader", amount: "1" })).toMatchObject({ reference: "trader" });
});

test.each<[string, object, string]>([
  ["more than there is", { amount: "1000" }, "INSUFFICIENT_BALANCE"],
  ["nothing", { amount: "0" }, "INVALID_AMOUNT"],
  ["less than nothing", { amount: "-1" }, "INVALID_AMOUNT"],
  ["bond that is not there", { from: "bond" }, "INSUFFICIENT_BALANCE"],
  ["a reference of other characters", { reference: "a b" }, "VALIDATION_ERROR"],
  ["another amount under a reference", { reference: "same", amount: "3" }, "REFERENCE_REUSED"],
])("%s is refused", async (_name, fields, code) => {
  expect((await refusal(ask({ reference: "bad", ...fields }))).code).toBe(code);
});
