/**
 * A link that is cut over and over under streaming load: what a client gets is what the backend said,
 * or a clean failure with the beginning of it; nothing twice, nothing left out. `SEED` replays the
 * places of the cuts, `CUTS` asks for more.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Agent } from "#agent/agent.ts";
import { quietSla } from "#exchange/core/core.fixture.ts";
import { Random } from "#simulation/random.ts";
import { type CuttingProxy, startCuttingProxy } from "./cutting-proxy.fixture.ts";
import { type EssayBackend, essayOf, startEssayBackend } from "./essay-backend.fixture.ts";
import { readEssay } from "./essay-reader.fixture.ts";
import { type Cast, castOf, startNode, startWorld, type World } from "./world.ts";

const SEED = Number(process.env.SEED ?? 7);
const CUTS = Number(process.env.CUTS ?? 220);
const READERS = 6;
const WORDS_MAX = 120;
/** Every so many cuts both sockets go at once. */
const CUT_ALL_EVERY = 4;

const log = pino({ level: process.env.LOG ?? "silent" });
let dir = "";
let world: World;
let cast: Cast;
let backend: EssayBackend;
let proxy: CuttingProxy;
let agent: Agent;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-loss-"));
  world = await startWorld({ dataDir: dir, port: 0, sla: quietSla }, { log });
  cast = await castOf(world, dir);
  backend = await startEssayBackend();
  proxy = await startCuttingProxy(Number(new URL(world.url).port));
  const random = new Random(SEED);
  agent = await startNode(
    {
      dataDir: join(dir, "node"),
      name: "sam-1",
      exchangeUrl: `http://127.0.0.1:${proxy.port}`,
      joinToken: cast.joinToken,
      backend,
      symbol: "text-standard",
      price: "0.50",
      quantity: "2",
      slots: READERS,
    },
    // The back-off is not what this is about.
    { log, random: () => random.fraction() * 0.002 },
  );
});
afterAll(async () => {
  await agent.drain("over");
  await world.close();
  await proxy.close();
  await backend.close();
  rmSync(dir, { recursive: true, force: true });
});

test("streams survive hundreds of cuts byte for byte", async () => {
  const random = new Random(SEED);
  const target = { url: world.url, apiKey: cast.buyer.apiKey, model: "text-standard" };
  const ends = { whole: 0, failed: 0, refused: 0 };
  let isOver = false;
  let essays = 0;

  async function readOn(): Promise<void> {
    while (!isOver) {
      essays += 1;
      const words = 1 + Math.floor(random.fraction() * WORDS_MAX);
      const essay = { id: `e${essays}w`, words, gapMs: 1 };
      const reading = readEssay(target, essay);
      const end = await reading.ended;
      ends[end] += 1;
      const whole = essayOf(essay);
      if (end === "whole") expect(reading.text).toBe(whole);
      else expect(whole.startsWith(reading.text)).toBe(true);
      if (end === "refused") await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  const readers = Promise.all(Array.from({ length: READERS }, readOn));
  for (let cut = 1; proxy.cuts < CUTS; cut += 1) {
    await proxy.cutAfter(1 + Math.floor(random.fraction() * 12_000));
    if (cut % CUT_ALL_EVERY === 0) proxy.cutAll();
  }
  isOver = true;
  await readers;
  log.info({ seed: SEED, cuts: proxy.cuts, ...ends }, "cuts");
  expect(ends.failed).toBe(0);
  expect(ends.whole).toBeGreaterThan(10);
  const sums = await world.exchange.shell.read((state) => [...state.ledger.sums().values()]);
  expect(sums.every((sum) => sum === 0n)).toBe(true);
  expect(await world.exchange.shell.read((state) => state.deliveries.size)).toBe(0);
}, 120_000);

test("a socket that is open and carries nothing any more is left for the other, in some seconds", async () => {
  const target = { url: world.url, apiKey: cast.buyer.apiKey, model: "text-standard" };
  const essay = { id: "frozen", words: 500, gapMs: 5 };
  const reading = readEssay(target, essay);
  await expect.poll(() => reading.text.length, { timeout: 30_000 }).toBeGreaterThan(500);
  await expect.poll(() => proxy.open, { timeout: 30_000 }).toBe(2);
  proxy.freezeBusiest();
  const frozenAtMs = performance.now();
  expect(await reading.ended).toBe("whole");
  expect(reading.text).toBe(essayOf(essay));
  expect(performance.now() - frozenAtMs).toBeGreaterThan(2_000);
}, 60_000);
