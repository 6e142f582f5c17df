/**
 * A failure at every operation of the disk in turn: a short quiet world is run once to count its
 * operations, then again for each of them and each way to fail there. None may breach anything.
 */
import { POWER_CUTS } from "./disk/power-cut.ts";
import type { FailAt } from "./faults.ts";
import { runWorlds } from "./threads.ts";

const MINUTES = 0.5;

export interface SweepRun {
  /** Operations of the recorded run. */
  recorded: number;
  /** Of those, how many were made to fail. */
  swept: number;
  worlds: number;
  breaches: readonly string[];
}

/** Fails the first `operationsMax` operations of the world with this seed, one after another. */
export async function sweep(options: {
  seed: number;
  operationsMax: number;
  workers: number;
}): Promise<SweepRun> {
  const { seed, operationsMax, workers } = options;
  const world = { seed, minutes: MINUTES, isQuiet: true };
  const [recorded] = await runWorlds([world], 1);
  const operations = recorded?.tally.diskOperations ?? 0;
  const swept = Math.min(operations, operationsMax);
  const failures = Array.from({ length: swept }, (_, at) => failuresAt(at + 1)).flat();
  const reports = await runWorlds(
    failures.map((failAt) => ({ ...world, failAt })),
    workers,
  );
  return {
    recorded: operations,
    swept,
    worlds: failures.length,
    breaches: reports.flatMap(({ breaches }, at) =>
      breaches.map((text) => `${JSON.stringify(failures[at])}: ${text}`),
    ),
  };
}

/** Every way to fail at an operation; the ways to lose power take turns. */
function failuresAt(operation: number): FailAt[] {
  const cut = POWER_CUTS[operation % POWER_CUTS.length] ?? null;
  return [
    { operation, verdict: "io-error", cut: null },
    { operation, verdict: "disk-full", cut: null },
    { operation, verdict: "killed", cut: null },
    { operation, verdict: "killed", cut },
  ];
}
