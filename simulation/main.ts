/** `npm run simulate`: hours of a simulated market in which everything goes wrong. `--help` says how. */
import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError } from "commander";
import { runHours } from "./hours.ts";
import { reportLines, verdictOf } from "./report.ts";

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

const { seed, hours, workers, hitsMin, state } = new Command("simulate")
  .description(
    "Runs the real core, shell, journal and history in virtual time on a disk that forgets, with clients that retry. Same seed, same digest, on every version of Node.",
  )
  .option("--seed <n>", "of the first hour; each further hour takes the next", count, 1)
  .option("--hours <n>", "hours of market, each a world of its own", count, 1)
  .option("--workers <n>", "threads", count, availableParallelism())
  .option("--hits-min <n>", "fail when a kind of fault was met fewer times", count)
  .option("--state <kind>", "print the digest alone (--state digest)")
  .parse()
  .opts<{ seed: number; hours: number; workers: number; hitsMin?: number; state?: string }>();

const wanted = hitsMin ?? HITS_WANTED.find(([atLeast]) => hours >= atLeast)?.[1] ?? 0;
const startMs = performance.now();
const run = await runHours({ seed, hours, workers: Math.max(1, workers) });
const seconds = (performance.now() - startMs) / 1000;
if (state === "digest") console.log(run.digest);
else for (const line of reportLines(run, { hitsMin: wanted, seconds })) console.log(line);
process.exitCode = verdictOf(run, wanted) ? 0 : 1;
