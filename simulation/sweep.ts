/**
 * A failure at every operation of the disk in turn: a short world, in which the exchange starts, takes
 * snapshots, is killed, recovers from one, and is stopped, is run once to count its operations; then
 * again for each of them and each way to fail there. None may breach anything.
 */
import { POWER_CUTS } from "./disk/power-cut.ts";
import type { Operation } from "./disk/simulated-disk.ts";
import type { FailAt } from "./faults.ts";
import { smallSettings } from "./settings.ts";
import { DISK_PHASES, type SeenState, type Tally } from "./tally.ts";
import { runWorlds } from "./threads.ts";
import type { WorldOptions, WorldReport } from "./world.ts";

/** Of a short world that sees a trade, deliveries, and a supplier that goes away. */
export const SWEPT_SEED = 25;

/** What the recorded run must have shown, or the sweep would pass over it. */
const STATES_WANTED: readonly SeenState[] = [
  "recovered from a snapshot",
  "recovered without a snapshot",
  "snapshot taken",
];

export interface SweepOptions {
  seed: number;
  workers: number;
  /** Only this one; null for every one. */
  operation: number | null;
}

export interface SweepRun {
  /** Of the recorded run. */
  tally: Tally;
  /** How many of its operations were made to fail in every way. */
  swept: number;
  worlds: number;
  /** What is wrong: with the recorded run, with the sweep, and every breach. */
  problems: readonly string[];
}

/** The world that is swept. */
export function sweptWorld(seed: number): WorldOptions {
  return {
    seed,
    minutes: 0.35,
    isQuiet: true,
    settings: smallSettings(),
    plannedEnds: [
      { atMs: 12_000, how: "killed" },
      { atMs: 17_000, how: "stopped" },
    ],
  };
}

/** Fails every operation of the swept world with this seed, one after another. */
export async function sweep({ seed, workers, operation }: SweepOptions): Promise<SweepRun> {
  const world = sweptWorld(seed);
  const [recorded] = await runWorlds([{ ...world, isRecorded: true }], 1);
  if (recorded === undefined) throw new Error("no world was run");
  const { tally } = recorded;
  const operations =
    operation === null
      ? Array.from({ length: tally.diskOperations }, (_, index) => index + 1)
      : [operation];
  const failures = operations.flatMap((each) => failuresAt(each, recorded.operations[each - 1]));
  const reports = await runWorlds(
    failures.map((failAt) => ({ ...world, failAt })),
    workers,
  );
  const missed = new Set(
    failures.filter((_, at) => reports[at]?.hasFailedAt !== true).map((each) => each.operation),
  );
  const problems = [
    ...recordProblems(recorded),
    ...[...missed].map((each) => `operation ${each} was not reached`),
    ...reports.flatMap(({ breaches }, at) =>
      breaches.map((text) => `${JSON.stringify(failures[at])}: ${text}`),
    ),
  ];
  return { tally, swept: operations.length - missed.size, worlds: failures.length, problems };
}

/** What the recorded run lacks to be worth its sweep, or breached. */
export function recordProblems({ tally, breaches }: WorldReport): string[] {
  const lacks = [
    ...STATES_WANTED.filter((state) => tally.states[state] === 0),
    ...DISK_PHASES.filter((phase) => tally.operations[phase] === 0),
  ];
  return [
    ...breaches.map((text) => `recorded run: ${text}`),
    ...lacks.map((what) => `recorded run: no "${what}"`),
  ];
}

/** True when every operation of the recorded run was made to fail and nothing is wrong. */
export function isSweepComplete({ tally, swept, problems }: SweepRun): boolean {
  return problems.length === 0 && swept > 0 && swept === tally.diskOperations;
}

/** What the sweep says at its end. */
export function sweepLines({ tally, swept, worlds, problems }: SweepRun): string[] {
  const phases = DISK_PHASES.map((phase) => `${phase} ${tally.operations[phase]}`);
  return [
    `recorded run: ${tally.diskOperations} disk operations (${phases.join(", ")}), ${tally.events} events, ${tally.lives} starts`,
    `${swept} of ${tally.diskOperations} operations failed in every way, in ${worlds} worlds: ${problems.length} problems`,
  ];
}

/** Every way to fail at an operation of this kind; the ways to lose power take turns. */
export function failuresAt(operation: number, kind: Operation | undefined): FailAt[] {
  const cut = POWER_CUTS[operation % POWER_CUTS.length] ?? null;
  const failures: FailAt[] = [
    { operation, verdict: "io-error", cut: null },
    { operation, verdict: "killed", cut: null },
    { operation, verdict: "killed", cut },
  ];
  // Neither wants room on the disk.
  const isRoomless = kind === "read" || kind === "delete";
  return isRoomless ? failures : [...failures, { operation, verdict: "disk-full", cut: null }];
}
