/**
 * `npm run bench:durability [-- seconds rounds]`: durable commands through the real shell and journal,
 * beside a bare write-and-sync loop with the same bytes at the same rates, turn about in one run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BareLoop, createBareLoop } from "./bare-loop.ts";
import { type Durable, offer, quantile, type Run, saturate, spread } from "./measurement.ts";
import { openShellLoop, type ShellLoop } from "./shell-loop.ts";

const [seconds = 3, rounds = 5] = process.argv.slice(2).map(Number);
const RATES = [1_000, 10_000, 50_000];
/** Before a loop is measured: each has threads of its own, and their code has to be compiled. */
const WARM_UP_SECONDS = 0.5;
const COMMANDS_AT_ONCE = 8_000;
const COMMANDS_AT_MOST = 200_000;

let files = 0;
const dir = mkdtempSync(join(tmpdir(), "gridspot-durability-"));

async function withShell<R>(run: (loop: ShellLoop) => Promise<R>): Promise<R> {
  files += 1;
  const folder = join(dir, `shell-${files}`);
  const loop = await openShellLoop(folder, files);
  try {
    return await run(loop);
  } finally {
    await loop.close();
    rmSync(folder, { recursive: true });
  }
}

async function withBare<R>(bytesEach: number, run: (loop: BareLoop) => Promise<R>): Promise<R> {
  files += 1;
  const file = join(dir, `bare-${files}`);
  const loop = createBareLoop(file, bytesEach);
  try {
    return await run(loop);
  } finally {
    loop.close();
    rmSync(file);
  }
}

type Column =
  | "syncP50"
  | "bareP50"
  | "p50"
  | "bareP99"
  | "p99"
  | "p50Ratio"
  | "p99Ratio"
  | "cpu"
  | "refused";

async function measured(loop: Durable, perSecond: number): Promise<Run> {
  await offer(loop, { perSecond, seconds: WARM_UP_SECONDS });
  return offer(loop, { perSecond, seconds });
}

/** Runs both at a rate, turn about; returns a row of the table. */
async function compare(perSecond: number, bytesEach: number): Promise<string> {
  const found: Record<Column, number[]> = {
    syncP50: [],
    bareP50: [],
    p50: [],
    bareP99: [],
    p99: [],
    p50Ratio: [],
    p99Ratio: [],
    cpu: [],
    refused: [],
  };
  for (let round = 0; round < rounds; round += 1) {
    const bare = await withBare(bytesEach, async (loop) => {
      const run = await measured(loop, perSecond);
      return {
        ...run,
        syncP50: quantile(
          loop.syncsMs.sort((a, b) => a - b),
          0.5,
        ),
      };
    });
    const ours = await withShell((loop) => measured(loop, perSecond));
    const at = (run: { latenciesMs: Float64Array }, q: number) => quantile(run.latenciesMs, q);
    found.syncP50.push(bare.syncP50);
    found.bareP50.push(at(bare, 0.5));
    found.p50.push(at(ours, 0.5));
    found.bareP99.push(at(bare, 0.99));
    found.p99.push(at(ours, 0.99));
    found.p50Ratio.push(at(ours, 0.5) / bare.syncP50);
    found.p99Ratio.push(at(ours, 0.99) / at(bare, 0.99));
    found.cpu.push((ours.cpu * 1e6) / ours.perSecond);
    found.refused.push((ours.refused / (ours.refused + ours.latenciesMs.length)) * 100);
  }
  const columns: [Column, number][] = [
    ["syncP50", 2],
    ["bareP50", 2],
    ["p50", 2],
    ["p50Ratio", 1],
    ["bareP99", 1],
    ["p99", 1],
    ["p99Ratio", 2],
    ["cpu", 1],
    ["refused", 1],
  ];
  return [perSecond, ...columns.map(([name, digits]) => spread(found[name], digits))].join(" | ");
}

try {
  let bytesEach = 0;
  const most: number[] = [];
  const mostCpu: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await withShell(async (loop) => {
      const run = await saturate(loop, { atOnce: COMMANDS_AT_ONCE, total: COMMANDS_AT_MOST });
      most.push(run.perSecond);
      mostCpu.push((run.cpu * 1e6) / run.perSecond);
      bytesEach = loop.bytesPerCommand();
    });
  }
  console.log(`Node ${process.versions.node}, ${rounds} rounds of ${seconds} s, turn about; median [least..most]; times in ms; ${bytesEach} bytes per command

Closed loop, ${COMMANDS_AT_ONCE} commands at once: ${spread(most, 0)} durable commands/s, ${spread(mostCpu, 1)} us of CPU each, all threads

| offered/s | write+sync p50 | bare p50 | ours p50 | ours p50 / sync | bare p99 | ours p99 | ours p99 / bare | CPU us each | refused % |
|---|---|---|---|---|---|---|---|---|---|`);
  for (const rate of RATES) console.log(`| ${await compare(rate, bytesEach)} |`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
