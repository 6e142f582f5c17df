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

/** What the swept world must have seen, or the sweep would pass over it. */
const STATES_WANTED: readonly SeenState[] = [
  "recovered without a snapshot",
  "snapshot taken",
  "recovered from a snapshot",
  "order filled in part",
  "deliveries excused by a restart",
];
/** More would take more than some 90 seconds. */
const OPERATIONS_MAX = 1_200;
/** About one world in twenty is rich enough. */
const SEEDS_MAX = 300;
const SEEDS_AT_ONCE = 20;

export interface SweepOptions {
  workers: number;
  /** Only this one; null for every one. */
  operation: number | null;
}

export interface SweepRun {
  /** Of the swept world. */
  seed: number;
  /** Of the recorded run. */
  tally: Tally;
  /** How many of its operations were made to fail in every way. */
  swept: number;
  worlds: number;
  /** What is wrong: with the recorded run, with the sweep, and every breach. */
  problems: readonly string[];
}

/** A world that may be swept. */
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

/** The first world from this seed on that is rich enough and not too long. Throws when there is none. */
export async function findRecord(seed: number, workers: number): Promise<WorldReport> {
  for (let from = seed; from < seed + SEEDS_MAX; from += SEEDS_AT_ONCE) {
    const worlds = Array.from({ length: SEEDS_AT_ONCE }, (_, index) => ({
      ...sweptWorld(from + index),
      isRecorded: true,
    }));
    const records = await runWorlds(worlds, workers);
    const found = records.find(
      (record) =>
        record.tally.diskOperations <= OPERATIONS_MAX && recordProblems(record).length === 0,
    );
    if (found !== undefined) return found;
  }
  throw new Error(`none of the ${SEEDS_MAX} worlds from seed ${seed} on is worth a sweep`);
}

/** Fails every operation of a recorded run, one after another. */
export async function sweep(
  recorded: WorldReport,
  { workers, operation }: SweepOptions,
): Promise<SweepRun> {
  const { seed, tally } = recorded;
  const world = sweptWorld(seed);
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
    ...[...missed].map((each) => `operation ${each} was not reached`),
    ...reports.flatMap(({ breaches }, at) =>
      breaches.map((text) => `${JSON.stringify(failures[at])}: ${text}`),
    ),
  ];
  const swept = operations.length - missed.size;
  return { seed, tally, swept, worlds: failures.length, problems };
}

/** What a recorded run lacks to be worth its sweep, or breached. */
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
export function sweepLines({ seed, tally, swept, worlds, problems }: SweepRun): string[] {
  const phases = DISK_PHASES.map((phase) => `${phase} ${tally.operations[phase]}`);
  return [
    `recorded run, seed ${seed}: ${tally.diskOperations} disk operations (${phases.join(", ")}), ${tally.events} events, ${tally.lives} starts`,
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
