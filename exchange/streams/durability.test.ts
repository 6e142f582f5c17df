/** Nothing is told before it is durable: a journal whose writes end when the test says so. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { manualClock } from "#exchange/clock.ts";
import type { Command } from "#exchange/core/commands.ts";
import { instruments, policy, START_MS, SYMBOL } from "#exchange/core/core.fixture.ts";
import { createCore } from "#exchange/core/core.ts";
import { heldJournal } from "#exchange/held-journal.fixture.ts";
import { openHistory } from "#exchange/history/history.ts";
import { createShell } from "#exchange/journaled-shell.ts";
import { createIdentity, fingerprintOf } from "#protocol/signing.ts";
import { PublishedClient } from "./published-client.fixture.ts";
import { createStreamServer } from "./stream-server.ts";

const STREAMS = [
  { name: "user.orders" },
  { name: "user.lots" },
  { name: "user.balances" },
  ...["trades", "ticker", "book"].map((name) => ({ name: `market.${name}`, market: SYMBOL })),
  { name: "market.candles", market: SYMBOL, resolution: "1m" },
];
/** What each of them gives at first. */
const FIRST = [
  "orders_snapshot",
  "lots_snapshot",
  "balances",
  "market_ticker",
  "book_snapshot",
  "candle_update",
];

const identity = createIdentity();
const clock = manualClock(START_MS);
let held: ReturnType<typeof heldJournal>;
let shell: ReturnType<typeof createShell>;
let url = "";
let close: () => Promise<void>;

beforeEach(async () => {
  held = heldJournal();
  const history = openHistory(":memory:");
  shell = createShell(
    {},
    {
      ...{ core: createCore(), journal: held.journal, clock, ticker: () => () => {} },
      onFatal(error) {
        throw error;
      },
    },
  );
  shell.subscribe((events) => history.apply(events));
  const log = { error: (fields: object) => expect(fields).toEqual({}) };
  const streams = createStreamServer({ shell, history, clock, log: log as never });
  const server = createServer();
  server.on("upgrade", (request, socket, head) => streams.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`;
  close = async () => {
    streams.close();
    server.close();
    history.close();
  };
});
afterEach(() => close());

/** Runs a command and ends the write that its events are in. */
async function durably(command: Command): Promise<void> {
  const { outcome, released } = shell.submit(command);
  if (!outcome.ok) throw new Error(outcome.rejection.message);
  let isReleased = false;
  void released.then(() => {
    isReleased = true;
  });
  for (let turn = 0; turn < 20 && !isReleased; turn += 1) await held.endWrite();
}

async function openAccount(): Promise<void> {
  await durably({ type: "adopt-policy", policy });
  for (const instrument of instruments) await durably({ type: "list-instrument", instrument });
  await durably({ type: "open-account", name: "a", mode: "advanced" });
  const deposit = { type: "deposit", account: 1, to: "available", reference: "1" } as const;
  await durably({ ...deposit, amountMicros: 50_000_000n });
}

const addKey = {
  ...({ type: "add-signing-key", account: 1, label: "a" } as const),
  fingerprint: fingerprintOf(identity.publicKey),
  publicKey: identity.publicKey.toString("base64url"),
};
const bid = (priceTicks: number): Command<"place-order"> => ({
  ...({ type: "place-order", account: 1, symbol: SYMBOL, side: "buy" } as const),
  ...({ orderType: "limit", timeInForce: "gtc", quantity: 100, priceTicks } as const),
  ...{ maxSlippageBps: null, postOnly: false, clientOrderId: null, issueMissing: false },
});

test("no stream tells of an order that is not on disk, and no snapshot shows it", async () => {
  await openAccount();
  await durably(addKey);
  const client = await PublishedClient.connect(url);
  await client.authenticate(identity, clock.nowMs());
  await client.subscribe(...STREAMS);
  for (const event of FIRST) await client.find((each) => each.event === event);
  const known = client.messages.length;

  shell.submit(bid(9_000));
  await client.ask("heartbeat", {}, "phoenix");
  expect(client.messages.slice(known).map(({ event }) => event)).toEqual(["phx_reply"]);
  const late = await PublishedClient.connect(url);
  await late.subscribe({ name: "market.book", market: SYMBOL });
  expect((await late.next("book_snapshot")).payload.data.bids).toEqual([]);

  await held.endWrite();
  await held.endWrite();
  await client.find(({ event }) => event === "new_order");
  await client.find(({ event }) => event === "balances", known);
  expect((await late.next("book_update")).payload.data.bids).toEqual([["0.9000", "1"]]);
  late.socket.terminate();
  client.socket.terminate();
});

test("balances are what is on disk, though the core is ahead when they are asked for", async () => {
  await openAccount();
  await durably(addKey);
  const client = await PublishedClient.connect(url);
  await client.authenticate(identity, clock.nowMs());
  shell.submit(bid(9_000));
  await client.subscribe({ name: "user.balances" });
  await client.ask("heartbeat", {}, "phoenix");
  expect(client.all("balances")).toEqual([]);
  await held.endWrite();
  await held.endWrite();
  const { payload } = await client.next("balances");
  expect(payload.data.currency_trading_accounts[0]).toMatchObject({ total_balance: "50.000000" });
  expect(payload.data.currency_trading_accounts[0].locked_balance).not.toBe("0.000000");
  client.socket.terminate();
});

test("a key that is not on disk signs nobody in until it is", async () => {
  await openAccount();
  const client = await PublishedClient.connect(url);
  shell.submit(addKey);
  const signedIn = client.authenticate(identity, clock.nowMs());
  const other = await PublishedClient.connect(url);
  await other.ask("heartbeat", {}, "phoenix");
  expect(client.all("phx_reply")).toHaveLength(1);
  await held.endWrite();
  await held.endWrite();
  expect(await signedIn).toMatchObject({ status: "ok" });
  client.socket.terminate();
  other.socket.terminate();
});
