/** End to end: the official SDK, the exchange's sockets, the link, the agent, a scripted backend. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Agent } from "#agent/agent.ts";
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
  backend.failWith("cut-after-two-chunks");
  const stream = await sdk(cast.buyer.apiKey).chat.completions.create({
    model: "text-demo",
    messages: [{ role: "user", content: "one two three four five" }],
    stream: true,
  });
  const read = async () => {
    for await (const chunk of stream) void chunk;
  };
  await expect(read()).rejects.toThrow(/Nothing was billed/);
  backend.failWith("none");
  expect(await balance()).toBe(before);
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
  expect(response.headers.get("x-gridspot-lot-price")).toBe("0.5200");
  await other.drain("test over");
  await spare.close();
  expect(await sums()).toEqual([0n, 0n]);
});
