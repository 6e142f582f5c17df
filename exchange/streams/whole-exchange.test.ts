/** The streams of a real exchange: on its port, over its disk, through its stop and its next start. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { createExchange, type Exchange } from "#exchange/app.ts";
import { systemClock } from "#exchange/clock.ts";
import { loadExchangeConfig } from "#exchange/config.ts";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { createIdentity, fingerprintOf } from "#protocol/signing.ts";
import { BookFollower } from "./book-follower.fixture.ts";
import { type Message, PublishedClient } from "./published-client.fixture.ts";

const dir = mkdtempSync(join(tmpdir(), "gridspot-streams-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const readJson = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../config/${name}.json`, import.meta.url), "utf8"));

async function start(): Promise<{ exchange: Exchange; url: string }> {
  const env = { GRIDSPOT_DATA_DIR: dir, GRIDSPOT_PORT: "0" };
  const files = { instruments: readJson("instruments"), policy: readJson("policy") };
  const loaded = loadExchangeConfig(env, files);
  if (!loaded.ok) throw new Error(loaded.problems.join("; "));
  const exchange = await createExchange(loaded.config, {
    clock: systemClock,
    log: pino({ level: "silent" }),
    onFatal(error) {
      throw error;
    },
  });
  return { exchange, url: `ws://127.0.0.1:${await exchange.listen()}/v1/` };
}

test("a client is told, told to come back, and goes on with the same book", async () => {
  const first = await start();
  const { shell } = first.exchange;
  const opened = await shell.execute({ type: "open-account", name: "a", mode: "advanced" });
  if (!opened.ok) throw new Error("refused");
  const { account } = opened.result;
  const identity = createIdentity();
  const fingerprint = fingerprintOf(identity.publicKey);
  const publicKey = identity.publicKey.toString("base64url");
  await shell.execute({ type: "add-signing-key", account, fingerprint, publicKey, label: "a" });
  const deposit = { type: "deposit", account, to: "available", reference: "1" } as const;
  await shell.execute({ ...deposit, amountMicros: 50_000_000n });

  const client = await PublishedClient.connect(first.url);
  expect(await client.authenticate(identity, systemClock.nowMs())).toMatchObject({ status: "ok" });
  const book = { name: "market.book", market: SYMBOL };
  await client.subscribe(book, { name: "user.orders" });
  const follower = new BookFollower();
  const snapshot = await client.next("book_snapshot");
  follower.take(snapshot.event, snapshot.payload.data);
  const order = {
    ...({ type: "place-order", account, symbol: SYMBOL, side: "buy" } as const),
    ...({ orderType: "limit", timeInForce: "gtc", quantity: 150, priceTicks: 12_345 } as const),
    ...{ maxSlippageBps: null, postOnly: false, clientOrderId: "mine", issueMissing: false },
  };
  expect(await shell.execute(order)).toMatchObject({ ok: true });
  expect((await client.next("new_order")).payload.data.client_order_id).toBe("mine");
  const update = await client.find(({ event }) => event === "book_update");
  follower.take(update.event, update.payload.data);
  expect(follower.levels("bids")).toEqual([[12_345, 150]]);

  await first.exchange.close();
  expect(await client.closed).toEqual({ code: 1001, reason: "exchange_stopping" });

  const second = await start();
  const again = await PublishedClient.connect(second.url);
  const acknowledged = await again.subscribe({ ...book, resume_from: follower.sequence });
  await second.exchange.shell.execute({ ...order, priceTicks: 12_344, clientOrderId: "next" });
  const isNewest = ({ event, payload }: Message) =>
    event.startsWith("book_") && JSON.stringify(payload.data.bids).includes("1.2344");
  await again.find(isNewest);
  const told = again.messages.filter(({ event }) => event.startsWith("book_"));
  for (const { event, payload } of told) follower.take(event, payload.data);
  expect(follower.levels("bids")).toEqual([
    [12_345, 150],
    [12_344, 150],
  ]);
  // Where nothing happened since, the number it stood at is still the book's.
  const [{ resumed }] = acknowledged.streams;
  expect(told[0]?.event).toBe(resumed ? "book_update" : "book_snapshot");
  await second.exchange.close();
});
