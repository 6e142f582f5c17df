/** `npm run simulate`: hours of a simulated market in which everything goes wrong. `--help` says how. */
import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError } from "commander";
import { runDay } from "./day/day.ts";
import { reportOn } from "./day/report.ts";
import { runHours } from "./hours.ts";
import { BREACHES_SHOWN, reportLines, verdictOf } from "./report.ts";
import { findRecord, isSweepComplete, sweep, sweepLines } from "./sweep.ts";

/** From so many hours on every kind of fault must have been met, and from so many on how often. */
const HITS_WANTED: readonly [hours: number, hits: number][] = [
  [50, 20],
  [10, 1],
];

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError("expected a whole number, 0 or more");
}

const options = new Command("simulate")
  .description(
    "Runs the real core, shell, journal and history in virtual time on a disk that forgets, with clients that retry. Same seed, same digest, on every version of Node.",
  )
  .option("--seed <n>", "of the first hour; each further hour takes the next", count, 1)
  .option("--hours <n>", "hours of market, each a world of its own", count, 1)
  .option("--workers <n>", "threads", count, availableParallelism())
  .option("--hits-min <n>", "fail when a kind of fault was met fewer times", count)
  .option("--digest", "say the digest alone")
  .option("--sweep", "instead of hours: fail at every disk operation of a short world, one by one")
  .option("--day", "instead of hours: a day of hundreds of accounts, every cent and token shown")
  .option("--operation <n>", "of a sweep: at this operation alone", count)
  .parse()
  .opts<{
    seed: number;
    hours: number;
    workers: number;
    hitsMin?: number;
    digest?: boolean;
    sweep?: boolean;
    day?: boolean;
    operation?: number;
  }>();

async function simulateHours(): Promise<boolean> {
  const { seed, hours } = options;
  const hitsMin = options.hitsMin ?? HITS_WANTED.find(([atLeast]) => hours >= atLeast)?.[1] ?? 0;
  const startMs = performance.now();
  const run = await runHours({ seed, hours, workers });
  const seconds = (performance.now() - startMs) / 1000;
  const lines = options.digest === true ? [run.digest] : reportLines(run, { hitsMin, seconds });
  for (const line of lines) console.log(line);
  return verdictOf(run, hitsMin);
}

async function sweepOperations(): Promise<boolean> {
  const startMs = performance.now();
  const { seed, operation = null } = options;
  const run = await sweep(await findRecord(seed, workers), { workers, operation });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  for (const line of sweepLines(run)) console.log(line);
  for (const problem of run.problems.slice(0, BREACHES_SHOWN)) console.log(`  ${problem}`);
  console.log(`${seconds} s`);
  return operation === null ? isSweepComplete(run) : run.problems.length === 0;
}

async function simulateDay(): Promise<boolean> {
  const startMs = performance.now();
  const day = await runDay(options.seed);
  const { lines, isGood } = reportOn(day, (performance.now() - startMs) / 1000);
  for (const line of lines) console.log(line);
  return isGood;
}

async function chosen(): Promise<boolean> {
  if (options.day === true) return simulateDay();
  return options.sweep === true ? sweepOperations() : simulateHours();
}

const workers = Math.max(1, options.workers);
process.exitCode = (await chosen()) ? 0 : 1;
