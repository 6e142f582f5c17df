/** A real agent process that is killed with -9 amid its streams, over and over, and comes back. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { quietSla } from "#exchange/core/core.fixture.ts";
import { type EssayBackend, essayOf, startEssayBackend } from "./essay-backend.fixture.ts";
import { readEssay } from "./essay-reader.fixture.ts";
import { type Cast, castOf, startWorld, type World } from "./world.ts";

const CYCLES = 3;
const SYMBOL = "text-standard";
const UNTIL_MS_MAX = 40_000;

const log = pino({ level: process.env.LOG ?? "silent" });
const root = fileURLToPath(new URL("../", import.meta.url));
let dir = "";
let world: World;
let cast: Cast;
let backend: EssayBackend;
let agent: ChildProcess;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-kill-"));
  world = await startWorld({ dataDir: dir, port: 0, sla: quietSla }, { log });
  cast = await castOf(world, dir);
  backend = await startEssayBackend();
});
afterAll(async () => {
  agent.kill("SIGKILL");
  await world.close();
  await backend.close();
  rmSync(dir, { recursive: true, force: true });
});

async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + UNTIL_MS_MAX;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`${what} did not come about in time`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Starts the agent as its operator would; resolves when its ask is placed. */
async function startAgent(): Promise<ChildProcess> {
  const flags = ["--exchange", world.url.replace("http", "ws"), "--join", cast.joinToken];
  const offer = ["--backend", backend.url, "--instrument", SYMBOL, "--units", "2", "--slots", "4"];
  const child = spawn(
    process.execPath,
    [
      "--import",
      "tsx",
      "bin/gridspot.js",
      "agent",
      "start",
      ...flags,
      ...offer,
      "--data-dir",
      join(dir, "node"),
    ],
    { cwd: root, stdio: ["ignore", "pipe", "inherit"] },
  );
  let said = "";
  child.stdout?.on("data", (part) => {
    said += part;
  });
  // An ask that stood through a short absence is not placed again.
  await until("the agent's link", () => said.includes('"msg":"linked"'));
  const available = () => world.exchange.shell.state.instruments.get(SYMBOL)?.book;
  await until("its ask", () => available()?.bestPriceTicks(1) !== null);
  return child;
}

test("whatever ran ends cleanly, and the next process serves again", async () => {
  const target = { url: world.url, apiKey: cast.buyer.apiKey, model: SYMBOL };
  agent = await startAgent();
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    const essays = [1, 2, 3].map((index) => ({ id: `c${cycle}x${index}w`, words: 900, gapMs: 5 }));
    const readings = essays.map((essay) => readEssay(target, essay));
    await until("three streams", () => readings.every(({ text }) => text.length > 100));
    agent.kill("SIGKILL");
    // Most come back while their old session is still waited for: that ends it at once.
    const next = cycle === 0 ? null : startAgent();
    for (const [index, reading] of readings.entries()) {
      const essay = essays[index] as (typeof essays)[number];
      expect(await reading.ended).toBe("failed");
      expect(essayOf(essay).startsWith(reading.text)).toBe(true);
      await until("the stop of the backend", () => backend.written.get(essay.id)?.cutAtMs !== null);
    }
    expect(await world.exchange.shell.read((state) => state.deliveries.size)).toBe(0);
    agent = await (next ?? startAgent());
  }
  const essay = { id: "last", words: 50 };
  const reading = readEssay(target, essay);
  expect(await reading.ended).toBe("whole");
  expect(reading.text).toBe(essayOf(essay));
  const sums = await world.exchange.shell.read((state) => [...state.ledger.sums().values()]);
  expect(sums.every((sum) => sum === 0n)).toBe(true);
}, 150_000);
