import { beforeAll, expect, test } from "vitest";
import type { Operation } from "./disk/simulated-disk.ts";
import { loadSqliteOnDisks, type SqliteOnDisks } from "./disk/sqlite-vfs.ts";
import {
  failuresAt,
  findRecord,
  isSweepComplete,
  recordProblems,
  type SweepRun,
  sweep,
  sweepLines,
  sweptWorld,
} from "./sweep.ts";
import { DISK_PHASES, Tally } from "./tally.ts";
import { World, type WorldReport } from "./world.ts";

let sqlite: SqliteOnDisks;
let recorded: WorldReport;
beforeAll(async () => {
  sqlite = await loadSqliteOnDisks();
  recorded = await findRecord(1, 1);
});

test("the swept world fills orders, is killed under deliveries, and recovers from a snapshot", () => {
  expect(recordProblems(recorded)).toEqual([]);
  const { operations } = recorded.tally;
  expect(operations.snapshot).toBeGreaterThan(30);
  expect(operations.recovery).toBeGreaterThan(100);
});

test("every operation of it has a number and a purpose", () => {
  const { operations, diskOperations } = recorded.tally;
  const sum = DISK_PHASES.reduce((total, phase) => total + operations[phase], 0);
  expect(sum).toBe(diskOperations);
});

test("its last operation can be made to fail, the one after it is never reached", async () => {
  const last = recorded.tally.diskOperations;
  for (const [operation, hasFailedAt] of [
    [last, true],
    [last + 1, false],
  ] as const) {
    const failAt = { operation, verdict: "io-error", cut: null } as const;
    const report = await new World(sqlite, { ...sweptWorld(recorded.seed), failAt }).run();
    expect(report).toMatchObject({ hasFailedAt, breaches: [] });
  }
});

test("a recorded run without a snapshot is not worth its sweep", () => {
  const tally = new Tally();
  Object.assign(tally.operations, recorded.tally.operations, { snapshot: 0 });
  Object.assign(tally.states, recorded.tally.states);
  expect(recordProblems({ ...recorded, tally })).toEqual(['recorded run: no "snapshot"']);
});

test("a sweep that leaves one operation out is not complete", async () => {
  const { seed, tally } = recorded;
  const whole: SweepRun = { seed, tally, swept: tally.diskOperations, worlds: 1, problems: [] };
  expect(isSweepComplete(whole)).toBe(true);
  expect(isSweepComplete({ ...whole, swept: whole.swept - 1 })).toBe(false);
  expect(isSweepComplete({ ...whole, problems: ["money lost"] })).toBe(false);
  expect(sweepLines(whole).join()).toMatch(/recovery \d+, journal \d+, snapshot \d+/);
});

test("a read is not told that the disk is full", () => {
  const verdicts = (kind: Operation) => failuresAt(7, kind).map(({ verdict }) => verdict);
  expect(verdicts("write")).toEqual(["io-error", "killed", "killed", "disk-full"]);
  expect(verdicts("read")).toEqual(["io-error", "killed", "killed"]);
});

test("an operation is swept in every way", async () => {
  const run = await sweep(recorded, { workers: 1, operation: 1 });
  expect(run).toMatchObject({ swept: 1, worlds: 4, problems: [] });
  const beyond = await sweep(recorded, { workers: 1, operation: 99_999 });
  expect(beyond.problems).toEqual(["operation 99999 was not reached"]);
});
