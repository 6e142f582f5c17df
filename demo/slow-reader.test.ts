/** Credits from end to end: who does not read stalls their own stream, back to the backend, and no other's. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Agent } from "#agent/agent.ts";
import { quietSla } from "#exchange/core/core.fixture.ts";
import { type EssayBackend, essayOf, startEssayBackend } from "./essay-backend.fixture.ts";
import { readEssay } from "./essay-reader.fixture.ts";
import { type Cast, castOf, startNode, startWorld, type World } from "./world.ts";

const SYMBOL = "text-max";
/** More than all buffers between backend and client hold: some 200 bytes leave the exchange per word. */
const LONG_WORDS = 110_000;
const SHORT_WORDS = 400;
const UNTIL_MS_MAX = 30_000;
/** Of short essays, until the long one stands still for one of them. */
const ROUNDS_MAX = 20;

const log = pino({ level: process.env.LOG ?? "silent" });
let dir = "";
let world: World;
let cast: Cast;
let backend: EssayBackend;
let agent: Agent;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-slow-"));
  world = await startWorld({ dataDir: dir, port: 0, sla: quietSla }, { log });
  cast = await castOf(world, dir);
  backend = await startEssayBackend();
  agent = await startNode(
    {
      dataDir: join(dir, "node"),
      name: "sam-1",
      exchangeUrl: world.url,
      joinToken: cast.joinToken,
      backend,
      symbol: SYMBOL,
      price: "0.50",
      quantity: "2",
      slots: 8,
    },
    { log },
  );
});
afterAll(async () => {
  await agent.drain("over");
  await world.close();
  await backend.close();
  rmSync(dir, { recursive: true, force: true });
});

const target = () => ({ url: world.url, apiKey: cast.buyer.apiKey, model: SYMBOL });

async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + UNTIL_MS_MAX;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`${what} did not come about in time`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Milliseconds that some short essays take, one reader each. */
async function shortEssays(name: string): Promise<number> {
  const startMs = performance.now();
  const essays = [1, 2, 3, 4].map((index) => ({ id: `${name}${index}w`, words: SHORT_WORDS }));
  const readings = essays.map((essay) => readEssay(target(), essay));
  for (const [index, reading] of readings.entries()) {
    expect(await reading.ended).toBe("whole");
    expect(reading.text).toBe(essayOf(essays[index] as (typeof essays)[number]));
  }
  return performance.now() - startMs;
}

test("a client that stops reading stops its own backend, while others stream at full speed", async () => {
  await shortEssays("warm");
  const aloneMs = await shortEssays("alone");
  const essay = { id: "letters", words: LONG_WORDS };
  const slow = readEssay(target(), essay, 120_000);
  await until("the first word", () => slow.text !== "");
  slow.pause();
  await until("the stall of the backend", () => backend.written.get("letters")?.isStalled === true);
  // It stalls now and then while buffers fill, and for good when they are full.
  const written = () => backend.written.get("letters");
  let besideMs = 0;
  let words = Number.NaN;
  for (let round = 0; written()?.words !== words || !written()?.isStalled; round += 1) {
    expect(round).toBeLessThan(ROUNDS_MAX);
    words = written()?.words ?? 0;
    besideMs = await shortEssays(`beside${round}-`);
  }
  expect(written()).toMatchObject({ isStalled: true, cutAtMs: null });
  expect(words).toBeLessThan(LONG_WORDS);
  // On a machine that does other things, too.
  expect(besideMs).toBeLessThan(4 * aloneMs + 500);
  log.info({ aloneMs, besideMs, words }, "slow reader");
  slow.resume();
  expect(await slow.ended).toBe("whole");
  expect(slow.text).toBe(essayOf(essay));
}, 90_000);

test("a client that goes stops its backend within a second", async () => {
  const reading = readEssay(target(), { id: "gone", words: 10_000, gapMs: 5 });
  await until("the first word", () => reading.text !== "");
  const leftAtMs = performance.now();
  reading.leave();
  await until("the cut", () => backend.written.get("gone")?.cutAtMs !== null);
  expect((backend.written.get("gone")?.cutAtMs ?? 0) - leftAtMs).toBeLessThan(1_000);
});
