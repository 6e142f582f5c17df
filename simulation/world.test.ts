import { beforeAll, describe, expect, test } from "vitest";
import { available, WORLD } from "#exchange/core/ledger/account-names.ts";
import { loadSqliteOnDisks, type SqliteOnDisks } from "./disk/sqlite-vfs.ts";
import type { HoursRun } from "./hours.ts";
import { reportLines, verdictOf } from "./report.ts";
import { defaultSettings } from "./settings.ts";
import { FAULT_KINDS, STATES, Tally } from "./tally.ts";
import { World, type WorldOptions } from "./world.ts";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
let sqlite: SqliteOnDisks;
beforeAll(async () => {
  sqlite = await loadSqliteOnDisks();
});
const run = (options: WorldOptions) => new World(sqlite, options).run();

test(`ten minutes of trouble breach nothing (seed ${SEED})`, async () => {
  const { breaches, tally } = await run({ seed: SEED, minutes: 10 });
  expect(breaches).toEqual([]);
  expect(tally.lives).toBeGreaterThan(3);
  expect(tally.acknowledged).toBeGreaterThan(300);
});

test(`the same seed gives the same world, another seed another (seed ${SEED})`, async () => {
  const digests: string[] = [];
  for (const seed of [SEED, SEED, SEED + 1]) {
    digests.push((await run({ seed, minutes: 4 })).digest);
  }
  expect(digests[0]).toBe(digests[1]);
  expect(digests[0]).not.toBe(digests[2]);
});

test("a quiet world lives once, and once more for the last questions", async () => {
  const { breaches, tally } = await run({ seed: SEED, minutes: 2, isQuiet: true });
  expect(breaches).toEqual([]);
  expect(tally.lives).toBe(2);
});

test("the watch on the books runs: it stops trading on a state that no command has touched", async () => {
  const settings = { ...defaultSettings(), cast: { suppliers: 0, traders: 0, buyers: 0 } };
  const world = new World(sqlite, { seed: SEED, minutes: 1, isQuiet: true, settings });
  // Its pass begins at ten seconds; nobody executes a command in the millisecond before.
  world.scheduler.after(9_999, () => {
    const { ledger } = world.life?.state ?? {};
    ledger?.apply([
      { kind: "move", from: WORLD, to: available(1), amount: 5n },
      { kind: "hold", hold: "bid1", from: available(1), amount: 5n },
    ]);
  });
  const { breaches } = await world.run();
  expect(breaches[0]).toMatch(/^trading stopped: .*bid1/);
});

test.each(["io-error", "disk-full", "killed"] as const)(
  "a world survives that one disk operation ends as %s",
  async (verdict) => {
    for (const operation of [1, 40, 250]) {
      const failAt = { operation, verdict, cut: null };
      const { breaches, tally } = await run({ seed: SEED, minutes: 0.5, isQuiet: true, failAt });
      expect(breaches).toEqual([]);
      expect(tally.lives).toBe(3);
    }
  },
);

describe("the verdict on a run", () => {
  const good = (): HoursRun => {
    const tally = new Tally();
    for (const kind of FAULT_KINDS) for (let n = 0; n < 3; n += 1) tally.hit(kind);
    for (const state of STATES) tally.saw(state);
    return { hours: 1, digest: "d", tally, breaches: [] };
  };

  test("is good when nothing was breached and every kind was met often enough", () => {
    expect(verdictOf(good(), 3)).toBe(true);
    expect(verdictOf(good(), 4)).toBe(false);
  });

  test.each([
    ["a fault that was never met", { "disk full": 0 }, {}],
    ["a state that was never seen", {}, { "Lot expired": 0 }],
  ])("is bad with %s, and the report names it", (_what, faults, states) => {
    const each = good();
    Object.assign(each.tally.faults, faults);
    Object.assign(each.tally.states, states);
    expect(verdictOf(each, 1)).toBe(false);
    const lines = reportLines(each, { hitsMin: 1, seconds: 1 });
    expect(lines.at(-1)).toMatch(/^met fewer than 1 times: (disk full|Lot expired)$/);
  });

  test("is bad with a breach, and the report says how to see it again", () => {
    const each = { ...good(), breaches: [{ seed: 7, text: "money lost" }] };
    expect(verdictOf(each, 0)).toBe(false);
    const lines = reportLines(each, { hitsMin: 0, seconds: 1 });
    expect(lines).toContain("    again: npm run simulate -- --seed 7 --hours 1");
  });
});
