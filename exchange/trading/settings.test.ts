/** Settings under the published names, over a real socket. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PublishedWorld, refusal, startPublishedWorld } from "./published-world.fixture.ts";

const PATH = "/self/system-settings";
let world: PublishedWorld;
beforeAll(async () => {
  world = await startPublishedWorld();
});
afterAll(() => world.close());

test("an account starts with what its mode comes with, under old names and new", async () => {
  expect(await world.trader.get(PATH)).toEqual({
    account_mode: "advanced",
    auto_transfer_enabled: false,
    auto_buy_enabled: false,
    auto_buy_quantity: "1",
    auto_buy_trigger_threshold: "0",
    auto_top_up_enabled: false,
    auto_top_up_quantity: "1",
    auto_top_up_trigger_threshold: "0",
    auto_reload_enabled: false,
    auto_reload_threshold_usd: null,
    auto_reload_amount_usd: null,
    auto_reload_monthly_limit_usd: null,
    mode_managed_fields: [],
    price_ceilings: {},
    spend_cap_day_usd: null,
    spend_cap_month_usd: null,
  });
});

test("a trader sets auto-transfer, gives it back to the mode, and toggles auto-buy", async () => {
  const { trader } = world;
  const on = await trader.patch(`${PATH}/auto-transfer`, { auto_transfer_enabled: true });
  expect(on).toMatchObject({ auto_transfer_enabled: true });
  const back = await trader.patch(`${PATH}/auto-transfer`, { auto_transfer_override: null });
  expect(back).toMatchObject({ auto_transfer_enabled: false });
  const bought = await trader.patch(`${PATH}/auto-buy`, {
    auto_buy_enabled: true,
    auto_buy_quantity: "2.5",
    auto_buy_trigger_threshold: "0.5",
  });
  expect(bought).toMatchObject({
    auto_buy_enabled: true,
    auto_buy_quantity: "2.5",
    auto_top_up_trigger_threshold: "0.5",
  });
  const toggled = await trader.call("POST", `${PATH}/auto-top-up/toggle`, {});
  expect(toggled).toMatchObject({ auto_buy_enabled: false, auto_buy_quantity: "2.5" });
});

test("ceilings and caps are set, kept, and taken away", async () => {
  const { trader } = world;
  await trader.patch(`${PATH}/limits`, {
    price_ceilings: { "text-prime": "1.25", "text-max": "9" },
    spend_cap_day_usd: "5",
  });
  await trader.patch(`${PATH}/limits`, { price_ceilings: { "text-max": null } });
  expect(await trader.get(PATH)).toMatchObject({
    price_ceilings: { "text-prime": "1.2500" },
    spend_cap_day_usd: "5.000000",
    spend_cap_month_usd: null,
  });
  await trader.patch(`${PATH}/limits`, { spend_cap_day_usd: null });
  expect((await trader.get(PATH)).spend_cap_day_usd).toBeNull();
});

test("Auto Mode decides what it manages: 403 with the published detail", async () => {
  const { client } = await world.open("easy", "5", "easy");
  const settings = await client.get(PATH);
  expect(settings).toMatchObject({ auto_transfer_enabled: true, auto_buy_enabled: true });
  expect(settings.mode_managed_fields).toEqual(["auto_transfer_enabled", "auto_buy_enabled"]);
  for (const [path, body] of [
    ["auto-transfer", { auto_transfer_enabled: false }],
    ["auto-buy", { auto_buy_enabled: false }],
  ] as const) {
    const error = await refusal(client.patch(`${PATH}/${path}`, body));
    expect([error.status, error.detail]).toEqual([403, "mode_managed_setting"]);
  }
  await client.patch(`${PATH}/auto-transfer`, { auto_transfer_override: null });
});

test("a switch of the mode is seen in /me, and cancels what is open", async () => {
  const { client } = await world.open("switcher", "5");
  await client.post("/orders", world.order({}));
  const easy = await client.post(`${PATH}/account-mode`, { mode: "easy" });
  expect(easy).toMatchObject({ account_mode: "easy", auto_buy_enabled: true });
  expect((await client.get("/me")).account_mode).toBe("easy");
  expect((await client.get("/orders/count")).count).toBe(0);
  await client.post(`${PATH}/account-mode`, { mode: "advanced" });
  await client.post("/orders", world.order({}));
});

test.each<[string, object, string]>([
  ["account-mode", { mode: "fast" }, "VALIDATION_ERROR"],
  ["auto-buy", { auto_buy_quantity: "0" }, "INVALID_QUANTITY"],
  ["auto-buy", { auto_buy_quantity: "-1" }, "INVALID_QUANTITY"],
  ["auto-transfer", {}, "VALIDATION_ERROR"],
  ["limits", { price_ceilings: { nothing: "1" } }, "INSTRUMENT_NOT_FOUND"],
  ["limits", { price_ceilings: { "text-prime": 1 } }, "INVALID_PRICE"],
  ["limits", { spend_cap_day_usd: "much" }, "INVALID_AMOUNT"],
])("%s refuses %j as %s", async (path, body, code) => {
  const method = path === "account-mode" ? "POST" : "PATCH";
  const error = await refusal(world.trader.call(method, `${PATH}/${path}`, { body }));
  expect(error.code).toBe(code);
});

test("Units in Consumption are listed per instrument with what was used", async () => {
  await world.trade();
  await world.trader.post("/transfers/trading-to-consumption", {
    instrument_id: world.instrumentId,
    quantity: "1.5",
  });
  const rows = await world.trader.get("/consumption/instruments");
  const row = rows.find(
    (each: { instrument_id: string }) => each.instrument_id === world.instrumentId,
  );
  expect(row).toMatchObject({
    total_amount: "1.5",
    tradeable_amount: "1.5",
    tokens_purchased: 1_500_000,
    tokens_used: 0,
    expires_at: expect.any(String),
  });
});
