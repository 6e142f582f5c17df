/** The streams that are ours: book, balances, Lots, candles, and what resuming gives. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import type { Trader } from "#exchange/trading/trading.fixture.ts";
import { publicId } from "#protocol/ids.ts";
import { BookFollower } from "./book-follower.fixture.ts";
import type { Message, PublishedClient } from "./published-client.fixture.ts";
import { createStreamWorld, type StreamWorld } from "./stream-world.fixture.ts";

let world: StreamWorld;
let seller: Trader;
let buyer: Trader;

beforeAll(async () => {
  world = await createStreamWorld();
  seller = await world.supplier("seller");
  buyer = await world.trader("buyer", 1_000n);
  await world.issue(seller, 20);
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

/** Keeps a follower up to date with whatever its client got. */
function follow(client: PublishedClient, follower = new BookFollower()): BookFollower {
  client.socket.on("message", (data) => {
    const { event, payload } = JSON.parse(data.toString());
    if (event.startsWith("book_")) follower.take(event, payload.data);
  });
  return follower;
}

const book = (resume_from?: number | null) => ({
  name: "market.book",
  market: world.market,
  ...(resume_from === undefined ? {} : { resume_from }),
});
const coreBook = () => {
  const live = world.shell.state.instruments.get(SYMBOL)?.book;
  const rows = (side: typeof BUY | typeof SELL) =>
    (live?.depth(side, 100) ?? []).map(({ priceTicks, quantity }) => [priceTicks, quantity]);
  return { bids: rows(BUY), asks: rows(SELL) };
};
const shownBook = (follower: BookFollower) => ({
  bids: follower.levels("bids"),
  asks: follower.levels("asks"),
});

describe("the book", () => {
  test("is a snapshot and what changes, with the core's levels and checksum", async () => {
    const client = await world.connect();
    const follower = follow(client);
    expect(await client.subscribe(book())).toMatchObject({ streams: [{ resumed: false }] });
    await client.next("book_snapshot");
    await world.order(seller, "sell", "1.2500", "2");
    await client.next("book_update");
    await world.order(buyer, "buy", "1.2500", "0.5");
    await client.next("book_update");
    const low = await world.order(buyer, "buy", "0.9999", "1");
    await client.next("book_update");
    expect(shownBook(follower)).toEqual({ bids: [[9_999, 100]], asks: [[12_500, 150]] });
    expect(shownBook(follower)).toEqual(coreBook());
    await buyer.delete(`/v1/orders/${low}`);
    const { data } = (await client.next("book_update")).payload;
    expect(data).toMatchObject({ bids: [["0.9999", "0"]], asks: [] });
    expect(shownBook(follower)).toEqual(coreBook());
  });

  test("goes on from where a client stood, in one update, or begins with a snapshot", async () => {
    const first = await world.connect();
    const follower = follow(first);
    await first.subscribe(book());
    await first.next("book_snapshot");
    first.socket.terminate();
    const stood = follower.sequence;
    for (const price of ["2.0000", "2.1000", "2.2000"])
      await world.order(seller, "sell", price, "1");

    const second = await world.connect();
    follow(second, follower);
    expect(await second.subscribe(book(stood))).toMatchObject({ streams: [{ resumed: true }] });
    const { data } = (await second.next("book_update")).payload;
    expect(data.previous_sequence).toBe(stood);
    expect(data.asks).toHaveLength(3);
    expect(shownBook(follower)).toEqual(coreBook());
    expect(second.all("book_snapshot")).toEqual([]);

    const third = await world.connect();
    const unknown = await third.subscribe(book(1));
    expect(unknown).toMatchObject({ streams: [{ resumed: false }] });
    await third.next("book_snapshot");
  });

  test("is sent once to a client that subscribes twice", async () => {
    const client = await world.connect();
    const follower = follow(client);
    await client.subscribe(book(), book());
    await client.next("book_snapshot");
    await client.next("book_snapshot");
    await world.order(seller, "sell", "3.0000", "1");
    await client.next("book_update");
    await client.ask("heartbeat", {}, "phoenix");
    expect(client.all("book_update")).toHaveLength(1);
    expect(shownBook(follower)).toEqual(coreBook());
  });
});

describe("an account's own streams", () => {
  test("show balances as REST does, again after each change", async () => {
    const client = await world.connectAs(buyer);
    await client.subscribe({ name: "user.balances" });
    const before = await client.next("balances");
    const rest = async (path: string) => (await buyer.get(`/v1/${path}`)).body.data;
    expect(before.payload.data).toEqual({
      currency_trading_accounts: await rest("currency-trading-accounts"),
      trading_accounts: await rest("trading-accounts"),
      consumption_accounts: await rest("consumption-accounts"),
    });
    await world.order(buyer, "buy", "0.5000", "2");
    const after = await client.next("balances");
    expect(after.payload.sequence).toBeGreaterThan(before.payload.sequence);
    expect(after.payload.data.currency_trading_accounts).toEqual(
      await rest("currency-trading-accounts"),
    );
  });

  test("show Lots: those there are, one that is bought, and its end", async () => {
    const client = await world.connectAs(buyer);
    await client.subscribe({ name: "user.lots", market: world.market });
    const snapshot = await client.next("lots_snapshot");
    expect(snapshot.payload.is_complete).toBe(true);
    expect(snapshot.payload.data).toHaveLength(world.shell.state.lots.size);
    await world.order(seller, "sell", "0.6000", "1");
    await world.order(buyer, "buy", "0.6000", "1");
    const { payload } = await client.next("lot_update");
    expect(payload.sequence).toBeGreaterThan(snapshot.payload.sequence);
    expect(payload.data).toMatchObject({
      lot_id: expect.stringMatching(/^lot_/),
      market_id: world.market,
      ...{ status: "active", account: "trading" },
      ...{ quantity: "1", used: "0", remaining: "1", reserved: "0" },
      purchase_price: "0.6000",
    });
    const isBought = ({ payload: told }: Message) => told.data.lot_id === payload.data.lot_id;
    const fourHoursLater = async () => {
      world.clock.advance(4 * 3_600_000);
      while ((await world.run({ type: "tick" })).more) {}
    };
    await fourHoursLater();
    const swept = await client.next("lot_update", isBought);
    expect(swept.payload.data).toMatchObject({ account: "consumption" });
    await fourHoursLater();
    const { data } = (await client.next("lot_update", isBought)).payload;
    expect(data.status).toBe("expired");
  });

  test("go on from the last sequence seen, each event once", async () => {
    const first = await world.connectAs(seller);
    await first.subscribe({ name: "user.orders" });
    const snapshot = await first.next("orders_snapshot");
    expect(snapshot.payload.data.length).toBeGreaterThan(2);
    const seen = await world.order(seller, "sell", "4.0000", "1");
    const { payload } = await first.next("new_order");
    expect(payload.data.order_id).toBe(seen);
    first.socket.terminate();
    const missed = [];
    for (const price of ["4.1000", "4.2000"]) {
      missed.push(await world.order(seller, "sell", price, "1"));
    }
    await seller.delete(`/v1/orders/${seen}`);

    const second = await world.connectAs(seller);
    const resumed = await second.subscribe({
      name: "user.orders",
      resume_from: payload.sequence,
    });
    expect(resumed.streams).toMatchObject([{ subscribed: true, resumed: true }]);
    await second.next("order_update");
    const told = second.messages.filter(({ event }) => /order/.test(event));
    expect(told.map(({ event, payload: { data } }) => [event, data.order_id])).toEqual([
      ["new_order", missed[0]],
      ["new_order", missed[1]],
      ["order_update", seen],
    ]);
    const sequences = told.map((each) => each.payload.sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));

    const third = await world.connectAs(seller);
    const far = await third.subscribe({ name: "user.orders", resume_from: 2 ** 50 });
    expect(far.streams).toMatchObject([{ resumed: false }]);
    await third.next("orders_snapshot");
  });
});

describe("trades and candles", () => {
  test("of a market can be resumed, or followed in any resolution", async () => {
    const client = await world.connect();
    const trades = { name: "market.trades", market: world.market };
    const candles = { name: "market.candles", market: world.market };
    const refused = await client.subscribe({ ...candles, resolution: "2m" });
    expect(refused).toMatchObject({
      status: "partial",
      streams: [{ resolution: "2m", reason: "unknown_resolution" }],
    });
    await client.subscribe(trades, { ...candles, resolution: "1m" });
    const { data: before } = (await client.next("candle_update")).payload;
    await world.order(seller, "sell", "0.7000", "1");
    await world.order(buyer, "buy", "0.7000", "0.25");
    const traded = await client.next("new_trade");
    const { data, previous } = (await client.next("candle_update")).payload;
    expect(data).toMatchObject({
      market_id: world.market,
      ...{ resolution: "1m", open: "0.7000", close: "0.7000", volume: "0.25", trade_count: 1 },
    });
    expect(previous).toEqual(before);
    const second = await world.connect();
    await world.order(buyer, "buy", "0.7000", "0.75");
    const { sequence: resume_from } = traded.payload;
    const again = await second.subscribe({ ...trades, resume_from });
    expect(again.streams).toMatchObject([{ resumed: true }]);
    expect((await second.next("new_trade")).payload.data.quantity).toBe("0.75");
    const stored = world.history.candles(SYMBOL, "1m", { fromMs: 0, toMs: 2 ** 50 }).at(-1);
    expect(stored).toMatchObject({ quantity: 100, trades: 2 });
  });
});

test("a stop order is told with its stop price, and again when a trade lets it in", async () => {
  const client = await world.connectAs(seller);
  await client.subscribe({ name: "user.orders" });
  const placed = await world.run({
    ...({ type: "place-order", account: seller.account, symbol: SYMBOL, side: "sell" } as const),
    ...({
      orderType: "stop_limit",
      timeInForce: "gtc",
      quantity: 100,
      priceTicks: 90_000,
    } as const),
    ...{ maxSlippageBps: null, postOnly: false, clientOrderId: null, issueMissing: false },
    stopTicks: 8_000,
  });
  const isIts = ({ payload }: Message) => payload.data.order_id === publicId("order", placed.order);
  const told = await client.next("new_order", isIts);
  expect(told.payload.data).toMatchObject({
    ...{ order_type: "stop_limit", status: "pending", price: "9.0000", stop_price: "0.8000" },
  });
  await world.order(seller, "sell", "0.7500", "0.01");
  await world.order(buyer, "buy", "0.7500", "0.01");
  expect((await client.next("order_update", isIts)).payload.data).toMatchObject({ status: "open" });
  expect(client.all("new_order").filter(isIts)).toHaveLength(1);
});
