/** A Lot from its purchase to its last token, as its owner is told; requests draw on it meanwhile. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import type { Trader } from "#exchange/trading/trading.fixture.ts";
import { createStreamWorld, type StreamWorld } from "./stream-world.fixture.ts";

let world: StreamWorld;
let buyer: Trader;

beforeAll(async () => {
  world = await createStreamWorld();
  const seller = await world.supplier("seller");
  await world.issue(seller, 20);
  await world.order(seller, "sell", "1.0000", "20");
  buyer = await world.trader("buyer", 100n, "easy");
  const { account } = buyer;
  await world.run({
    ...({ type: "add-api-key", account, keyId: "key" } as const),
    ...{ secretHash: "hash", label: "" },
  });
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

function reserve(promptTokens: number, maxOutputTokens: number) {
  return world.run({
    ...({ type: "reserve-delivery", account: buyer.account, symbol: SYMBOL } as const),
    ...{ keyId: "key", promptTokens, maxOutputTokens, choices: 1, requestId: "r" },
  });
}
function settle(delivery: number, promptTokens: number, completionTokens: number) {
  return world.run({
    ...({ type: "settle-delivery", delivery, attempt: 1 } as const),
    ...{ promptTokens, completionTokens, firstTokenMs: 1, durationMs: 2 },
    ...{ measured: { firstTokenMs: null, tokensPerSecond: null }, reportedTokens: null },
    ...{ outputSha256: null, finishReason: "stop", cause: "done" },
  });
}

test("a Lot is told with what is reserved and used of it, then as consumed", async () => {
  const client = await world.connectAs(buyer);
  await client.subscribe({ name: "user.lots" }, { name: "user.balances" });
  await client.next("lots_snapshot");

  const first = await reserve(1_000, 9_000);
  const bought = (await client.next("lot_update")).payload.data;
  expect(bought).toMatchObject({
    ...{ status: "active", account: "consumption", purchase_price: "1.0000" },
    ...{ quantity: "0.01", used: "0", remaining: "0.01", reserved: "0.01" },
  });
  await settle(first.delivery, 1_000, 3_000);
  const used = (await client.next("lot_update")).payload.data;
  expect(used).toMatchObject({
    lot_id: bought.lot_id,
    ...{ used: "0.004", remaining: "0.006", reserved: "0" },
  });
  const second = await reserve(1_000, 5_000);
  await settle(second.delivery, 1_000, 5_000);
  const isEnd = (each: { payload: { data: { status: string } } }) =>
    each.payload.data.status !== "active";
  expect((await client.next("lot_update", isEnd)).payload.data).toEqual({
    lot_id: bought.lot_id,
    status: "consumed",
  });
  const { data } = (await client.next("balances")).payload;
  const own = data.consumption_accounts.find(
    (each: { market_id: string }) => each.market_id === world.market,
  );
  expect(own).toMatchObject({ total_balance: "0", available_balance: "0" });
});

test("a Lot that came and went while nobody listened is in no snapshot", async () => {
  const client = await world.connectAs(buyer);
  await client.subscribe({ name: "user.lots" });
  expect((await client.next("lots_snapshot")).payload.data).toEqual([]);
});
