/** End to end: the official SDK, the exchange's sockets, the link, the agent, a scripted backend. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Agent } from "#agent/agent.ts";
import { parsePublicId } from "#protocol/ids.ts";
import { formatPrice } from "#protocol/quotation.ts";
import { type ScriptedBackend, startScriptedBackend } from "./scripted-backend.ts";
import { type Cast, castOf, startNode, startWorld, type World } from "./world.ts";

const log = pino({ level: process.env.LOG ?? "silent" });
let dir = "";
let world: World;
let cast: Cast;
let backend: ScriptedBackend;
let agent: Agent;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-world-"));
  world = await startWorld({ dataDir: dir, port: 0 }, { log });
  cast = await castOf(world, dir);
  backend = await startScriptedBackend();
  agent = await startNode(
    {
      dataDir: join(dir, "node"),
      name: "sam-1",
      exchangeUrl: world.url,
      joinToken: cast.joinToken,
      backend,
      symbol: "text-demo",
      price: "0.50",
      quantity: "1",
      slots: 4,
    },
    { log },
  );
});

afterAll(async () => {
  await agent.drain("test over");
  await world.close();
  await backend.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Long enough for a reconnect's back-off on a busy machine. */
const UNTIL_MS_MAX = 15_000;

/** Waits until something holds. */
async function until(holds: () => boolean): Promise<void> {
  const endMs = Date.now() + UNTIL_MS_MAX;
  while (!holds()) {
    if (Date.now() > endMs) throw new Error("it did not come about in time");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const sdk = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${world.url}/v1`, maxRetries: 0 });

async function sums(): Promise<bigint[]> {
  return world.exchange.shell.read((state) => [...state.ledger.sums().values()]);
}

test("the agent's ask stands in the book at its price", async () => {
  const response = await fetch(`${world.url}/v1/markets/text-demo/orderbook`);
  const { data } = (await response.json()) as { data: { asks: object[] } };
  expect(data.asks).toEqual([{ price: "0.5000", quantity: "1", total: "1", order_count: 1 }]);
});

test("the OpenAI SDK streams an answer and pays exactly the ask it matched", async () => {
  const spent = () => world.exchange.shell.read((state) => state.ledger.balance("1:pending"));
  const before = await spent();
  const { data: stream, response } = await sdk(cast.buyer.apiKey)
    .chat.completions.create({
      model: "text-demo",
      messages: [{ role: "user", content: "hello grid" }],
      stream: true,
      stream_options: { include_usage: true },
    })
    .withResponse();
  let text = "";
  let total = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    total = chunk.usage?.total_tokens ?? total;
  }
  expect(text).toBe("You said: hello grid");
  expect(total).toBeGreaterThan(0);
  expect(response.headers.get("x-gridspot-lot-price")).toBe("0.5000");
  // 0.50 dollars per million tokens: half a micro-dollar each, rounded down over the Lot.
  expect((await spent()) - before).toBe(BigInt(Math.floor(total / 2)));
  expect(await sums()).toEqual([0n, 0n]);
  const listed = world.exchange.shell.state.instruments.get("text-demo");
  expect(listed && formatPrice(listed.instrument, listed.lastPriceTicks ?? 0)).toBe("0.5000");
});

test("an answer that is not streamed carries the exchange's own count", async () => {
  const answer = await sdk(cast.buyer.apiKey).chat.completions.create({
    model: "text-demo",
    messages: [{ role: "user", content: "hi" }],
    max_tokens: 20,
  });
  expect(answer.choices[0]?.message.content).toBe("You said: hi");
  expect(answer.usage).toEqual({ prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 });
  expect(answer.model).toBe("text-demo");
});

test.each([
  ["a bad key", () => "gs_test_wrong", {}, 401, "invalid_api_key"],
  ["no money", () => cast.broke.apiKey, {}, 402, "insufficient_balance"],
  ["an unknown instrument", () => cast.buyer.apiKey, { model: "gpt-9" }, 404, "model_not_found"],
  ["a bad body", () => cast.buyer.apiKey, { temperature: 9 }, 400, "invalid_value"],
  ["no supplier", () => cast.buyer.apiKey, { model: "text-max" }, 503, "no_capacity"],
])("%s is told in the shape the SDK expects", async (_name, key, fields, status, code) => {
  const call = sdk(key()).chat.completions.create({
    model: "text-demo",
    messages: [{ role: "user", content: "hi" }],
    ...fields,
  });
  await expect(call).rejects.toMatchObject({ status, code });
});

test("a delivery that fails before its first byte and has no other supplier is free", async () => {
  const balance = () => world.exchange.shell.read((state) => state.ledger.balance("1:pending"));
  const before = await balance();
  backend.failWith("status-500");
  const call = sdk(cast.buyer.apiKey).chat.completions.create({
    model: "text-demo",
    messages: [{ role: "user", content: "hi" }],
    stream: true,
  });
  await expect(call).rejects.toMatchObject({ status: 503, code: "supplier_failed" });
  backend.failWith("none");
  expect(await balance()).toBe(before);
  expect(world.exchange.shell.state.deliveries.size).toBe(0);
});

test("a delivery that breaks after its first byte ends with an error and is free", async () => {
  const balance = () => world.exchange.shell.read((state) => state.ledger.balance("1:pending"));
  const before = await balance();
  backend.failWith("hold-after-two-chunks");
  const stream = await sdk(cast.buyer.apiKey).chat.completions.create({
    model: "text-demo",
    messages: [{ role: "user", content: "one two three four five" }],
    stream: true,
  });
  const read = async () => {
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) backend.cutHeld();
  };
  await expect(read()).rejects.toThrow(/Nothing was billed/);
  backend.failWith("none");
  expect(await balance()).toBe(before);
});

test("a client that leaves stops the backend, and pays for what it got", async () => {
  const patient = await startScriptedBackend({ wordMs: 20 });
  const slow = await world.openAccount("Slow Sue", "advanced");
  await world.deposit(slow, "50", "bond");
  const node = await startNode(
    {
      dataDir: join(dir, "node-slow"),
      name: "sue-1",
      exchangeUrl: world.url,
      joinToken: await world.joinToken(slow),
      backend: patient,
      symbol: "text-demo",
      price: "0.40",
      quantity: "1",
      slots: 2,
    },
    { log },
  );
  // A buyer without Lots buys from the cheapest, which is Sue.
  const buyer = await world.openAccount("Fresh Fay", "easy");
  await world.deposit(buyer, "1", "available");
  const stream = await sdk(await world.apiKey(buyer)).chat.completions.create({
    model: "text-demo",
    messages: [{ role: "user", content: "word ".repeat(200) }],
    stream: true,
  });
  let chunks = 0;
  for await (const chunk of stream) {
    chunks += chunk.choices[0]?.delta.content ? 1 : 0;
    if (chunks === 3) break;
  }
  await until(() => patient.aborted === 1 && world.exchange.shell.state.deliveries.size === 0);
  const owed = await world.exchange.shell.read((state) =>
    state.ledger.balance(`${parsePublicId("account", slow)}:pending`),
  );
  expect(owed).toBeGreaterThan(0n);
  await node.drain("test over");
  await patient.close();
  expect(await sums()).toEqual([0n, 0n]);
});

test("more requests than a key may have open get 429 and a time to come back", async () => {
  backend.failWith("hang");
  const abort = new AbortController();
  const open = Array.from({ length: 40 }, () =>
    fetch(`${world.url}/v1/chat/completions`, {
      method: "POST",
      signal: abort.signal,
      headers: { authorization: `Bearer ${cast.buyer.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({
        model: "text-demo",
        max_tokens: 9,
        messages: [{ role: "user", content: "x" }],
      }),
    }).then(
      (response) => `${response.status} ${response.headers.get("retry-after")}`,
      () => "left",
    ),
  );
  expect(await Promise.race(open)).toBe("429 1");
  abort.abort();
  backend.failWith("none");
  await Promise.all(open);
  await until(() => world.exchange.shell.state.deliveries.size === 0);
});

test("failover: a dearer supplier serves when the cheaper one fails before its first byte", async () => {
  const second = await world.openAccount("Ola the other", "advanced");
  await world.deposit(second, "50", "bond");
  const spare = await startScriptedBackend();
  const other = await startNode(
    {
      dataDir: join(dir, "node-2"),
      name: "ola-1",
      exchangeUrl: world.url,
      joinToken: await world.joinToken(second),
      backend: spare,
      symbol: "text-demo",
      price: "0.52",
      quantity: "1",
      slots: 2,
    },
    { log },
  );
  backend.failWith("cut-before-first-byte");
  const { data, response } = await sdk(cast.buyer.apiKey)
    .chat.completions.create({ model: "text-demo", messages: [{ role: "user", content: "hi" }] })
    .withResponse();
  backend.failWith("none");
  expect(data.choices[0]?.message.content).toBe("You said: hi");
  expect(response.headers.get("x-gridspot-lot-price")).toBe("0.5000");
  await other.drain("test over");
  await spare.close();
  expect(await sums()).toEqual([0n, 0n]);
});

test("a new start has every balance and order, and the agent comes back by itself", async () => {
  const before = await world.exchange.shell.read((state) => ({
    orders: [...state.orders.values()].map((order) => [
      order.number,
      order.quantity - order.filled,
    ]),
    lots: [...state.lots.keys()],
    available: state.ledger.balance("2:avail"),
  }));
  const port = Number(new URL(world.url).port);
  await world.close();
  // A read model that was lost is built again from the journal.
  rmSync(join(dir, "history.db"));
  world = await startWorld({ dataDir: dir, port }, { log });
  const { state } = world.exchange.shell;
  expect([...state.lots.keys()]).toEqual(before.lots);
  expect(state.ledger.balance("2:avail")).toBe(before.available);
  await until(() => (state.instruments.get("text-demo")?.book.size ?? 0) > 0);
  const after = [...state.orders.values()].map((order) => [
    order.number,
    order.quantity - order.filled,
  ]);
  expect(after).toEqual(before.orders);
  const { data } = (await (await fetch(`${world.url}/v1/markets/text-demo/trades`)).json()) as {
    data: object[];
  };
  expect(data.length).toBeGreaterThan(0);
});
