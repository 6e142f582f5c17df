/**
 * What a supplier can do at The Grid, and what everybody sees of its market, by a client that knows their
 * published text alone.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Published, PublishedClient } from "./published-client.fixture.ts";
import { missingFields } from "./published-fields.fixture.ts";
import { type PublishedWorld, SYMBOL, startPublishedWorld } from "./published-world.fixture.ts";

let world: PublishedWorld;
let trader: PublishedClient;
let supplier: PublishedClient;
let market: Published;
beforeAll(async () => {
  world = await startPublishedWorld();
  ({ trader, supplier, market } = world);
});
afterAll(() => world.close());

describe("a supplier", () => {
  test("issues Units, moves them to Trading and sells them", async () => {
    const { instrument_id } = market.instruments[0];
    await supplier.post("/supply-issuances", { instrument_id, quantity: 20 });
    expect(supplier.status).toBe(201);
    const moved = await supplier.post("/issuance-accounts/transfer", {
      instrument_id,
      quantity: 15,
    });
    expect([supplier.status, moved]).toMatchObject([
      202,
      { message: expect.any(String), transfer_id: expect.stringMatching(/^transfer_/) },
    ]);
    const accounts = await supplier.get("/issuance-accounts");
    const own = accounts.find((each: Published) => each.instrument_id === instrument_id);
    expect(missingFields("issuanceAccount", own)).toEqual([]);
    expect(own).toMatchObject({
      total_issued: "20",
      total_balance: "5",
      total_transferred_to_trading: "15",
    });
    const [issuance] = await supplier.get("/supply-issuances", { instrument_id });
    expect(issuance).toMatchObject({ instrument_id, quantity: "20" });
    const summary = (await supplier.get("/supply-issuances/summary")).find(
      (each: Published) => each.instrument_id === instrument_id,
    );
    expect(missingFields("issuanceSummary", summary)).toEqual([]);
    expect(summary).toMatchObject({ units_available: "5", units_transferred_to_trading: "15" });
    const ask = await supplier.post(
      "/orders",
      world.order({ side: "sell", price: "1.00", quantity: 10 }),
    );
    expect([supplier.status, ask.order_id]).toEqual([201, expect.stringMatching(/^order_/)]);
  });

  test("sees what it owes once something is sold", async () => {
    const { instrument_id } = market.instruments[0];
    await trader.post("/orders", world.order({ price: "1.00", quantity: "2" }));
    const rows = await supplier.get("/supplier-liability");
    const row = rows.find((each: Published) => each.instrument_id === instrument_id);
    expect(missingFields("liability", row)).toEqual([]);
    expect(row).toMatchObject({ total_liability: "2", fulfilled: "0", outstanding: "2" });
    expect(await supplier.get(`/supplier-liability/${instrument_id}`)).toEqual(row);
  });
});

describe("market data needs no signature", () => {
  const anonymous = async (path: string): Promise<Published> => {
    const response = await fetch(`${world.url}/v1${path}`);
    expect([path, response.status]).toEqual([path, 200]);
    return ((await response.json()) as { data: Published }).data;
  };

  test("markets, ticker, book, trades and statistics have the published fields", async () => {
    const id = market.market_id;
    expect(missingFields("market", await anonymous(`/markets/${id}`))).toEqual([]);
    const ticker = await anonymous(`/markets/${id}/ticker`);
    expect(missingFields("ticker", ticker)).toEqual([]);
    expect(ticker).toMatchObject({ last_price: "1.0000", volume_24h: "2", high_24h: "1.0000" });
    const book = await anonymous(`/markets/${id}/orderbook?depth=1`);
    expect(missingFields("book", book)).toEqual([]);
    expect(missingFields("level", book.sell[0])).toEqual([]);
    const trades = await anonymous(`/markets/${id}/trades?limit=1`);
    expect(missingFields("publicTrade", trades[0])).toEqual([]);
    expect(JSON.stringify(trades)).not.toMatch(/user_|order_/);
    const stats = await anonymous(`/markets/${id}/stats`);
    expect(missingFields("stats", stats)).toEqual([]);
    expect(stats).toMatchObject({ current_price: "1.0000", volume_24h_tokens: 2_000_000 });
    expect(await anonymous("/health")).toMatchObject({ status: "ok", service: "trading" });
  });

  test("instruments are found by id, in either form, and by symbol", async () => {
    const { instrument_id } = market.instruments[0];
    const instrument = await anonymous(`/instruments/${instrument_id}`);
    expect(missingFields("instrument", instrument)).toEqual([]);
    expect(await anonymous(`/instruments/${instrument_id.replace("_", "-")}`)).toEqual(instrument);
    expect(await anonymous(`/instruments/by-symbol/${SYMBOL}`)).toEqual(instrument);
    expect((await anonymous("/instruments")).length).toBeGreaterThan(3);
  });

  test.each(["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "1M"])(
    "candles of %s, under both published paths",
    async (resolution) => {
      const from = Math.floor(Date.now() / 1000) - 40 * 86_400;
      const query = `?market_id=${market.market_id}&resolution=${resolution}&from=${from}`;
      const candles = await anonymous(`/price-histories${query}`);
      expect(missingFields("candle", candles[0])).toEqual([]);
      expect(candles[0]).toMatchObject({ resolution, close: "1.0000", volume: "2" });
      expect(await anonymous(`/price_histories${query}`)).toEqual(candles);
    },
  );
});
