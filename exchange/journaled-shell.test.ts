import { describe, expect, test } from "vitest";
import { manualClock } from "#exchange/clock.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { createCountingCore } from "./counting-core.fixture.ts";
import { heldJournal, settle } from "./held-journal.fixture.ts";
import { createShell, type ShellOptions } from "./journaled-shell.ts";

/** A command that makes so many events. */
const emits = (count: number) =>
  ({ type: "open-account", name: String(count), mode: "easy" }) as const;
const refused = { type: "cancel-orders", account: 9, symbol: null } as const;
const throws = { type: "revoke-key", account: 1, key: "k" } as const;

const SNAPSHOT_AT_STOP_MS = 7_000;

function startShell(options: ShellOptions = {}, held = heldJournal()) {
  const fatal: string[] = [];
  const core = createCountingCore();
  const clock = manualClock(1_000);
  let tick = () => {};
  let isTicking = false;
  const paced: (() => void)[] = [];
  const snapshots = { eventsPerSnapshot: 1_000, snapshotAtStopMsMax: SNAPSHOT_AT_STOP_MS };
  const shell = createShell(
    { ...snapshots, ...options },
    {
      core,
      journal: held.journal,
      clock,
      onFatal: (error) => fatal.push(error.message),
      pace: (run) => void paced.push(run),
      ticker(run, everyMs) {
        if (everyMs === SNAPSHOT_AT_STOP_MS) return () => {};
        tick = run;
        isTicking = true;
        return () => {
          isTicking = false;
        };
      },
    },
  );
  /** Ends the moment between two batches. */
  const endPause = async () => {
    paced.shift()?.();
    await settle();
  };
  const shown = { shell, core, clock, fatal, endPause };
  return { ...held, ...shown, tick: () => tick(), isTicking: () => isTicking };
}

describe("what is not durable is not told", () => {
  test("answers, refusals and reads wait for the events they rest on, and subscribers hear first", async () => {
    const { shell, endWrite } = startShell();
    const told: string[] = [];
    shell.subscribe((events) => told.push(`events ${events.map(({ seq }) => seq).join(",")}`));
    void shell.execute(emits(2)).then(({ seq }) => told.push(`answer at ${seq}`));
    void shell.execute(refused).then(({ seq }) => told.push(`refusal at ${seq}`));
    void shell.read(({ seq }) => seq).then((seq) => told.push(`read at ${seq}`));
    await settle();
    expect(told).toEqual([]);
    await endWrite();
    expect(told).toEqual(["events 1,2", "answer at 2", "refusal at 2", "read at 2"]);
  });

  test("a write lets go of what it covers and of nothing after it, in order", async () => {
    const { shell, endWrite } = startShell();
    const told: number[] = [];
    const say = ({ seq }: { seq: number }) => told.push(seq);
    void shell.execute(emits(1)).then(say);
    await settle();
    void shell.execute(emits(1)).then(say);
    void shell.execute(emits(1)).then(say);
    await endWrite();
    expect(told).toEqual([1]);
    await endWrite();
    expect(told).toEqual([1, 2, 3]);
  });

  test("what rests on durable events alone is told at once", async () => {
    const { shell, endWrite } = startShell();
    const first = shell.execute(emits(1));
    await settle();
    await endWrite();
    await first;
    expect(await shell.read(({ seq }) => seq)).toBe(1);
    expect((await shell.execute(refused)).ok).toBe(false);
  });

  test("a subscriber that has left hears nothing more", async () => {
    const { shell, endWrite } = startShell();
    const heard: CoreEvent[] = [];
    const leave = shell.subscribe((events) => heard.push(...events));
    shell.submit(emits(1));
    await settle();
    leave();
    await endWrite();
    expect(heard).toEqual([]);
  });
});

describe("commands share writes", () => {
  test("those of one turn share the first, those that come during a write share the next", async () => {
    const { shell, ranges, endWrite } = startShell();
    shell.submit(emits(1));
    shell.submit(emits(2));
    await settle();
    for (const count of [1, 3, 1]) shell.submit(emits(count));
    expect(ranges()).toEqual([[1, 3]]);
    await endWrite();
    expect(ranges()).toEqual([
      [1, 3],
      [4, 8],
    ]);
  });

  test("a batch holds whole commands, however large", async () => {
    const { shell, ranges, endWrite } = startShell({ batchBytesTarget: 1 });
    shell.submit(emits(3));
    shell.submit(emits(2));
    await settle();
    await endWrite();
    expect(ranges()).toEqual([
      [1, 3],
      [4, 5],
    ]);
  });

  test("under load a batch comes a moment after the last one, with all that came meanwhile", async () => {
    const { shell, ranges, endWrite, endPause } = startShell();
    for (let command = 1; command <= 8; command += 1) shell.submit(emits(1));
    await settle();
    await endWrite();
    shell.submit(emits(1));
    await settle();
    shell.submit(emits(1));
    await settle();
    expect(ranges()).toEqual([[1, 8]]);
    await endPause();
    expect(ranges()).toEqual([
      [1, 8],
      [9, 10],
    ]);
  });

  test("a command that comes alone does not wait", async () => {
    const { shell, ranges, endWrite } = startShell();
    for (let command = 1; command <= 3; command += 1) {
      shell.submit(emits(1));
      await settle();
      await endWrite();
    }
    expect(ranges()).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });

  test("a stop writes what waits for the next batch", async () => {
    const { shell, ranges, endWrite, endPause } = startShell();
    for (let command = 1; command <= 8; command += 1) shell.submit(emits(1));
    await settle();
    await endWrite();
    shell.submit(emits(1));
    void shell.close();
    await endPause();
    expect(ranges()).toEqual([
      [1, 8],
      [9, 9],
    ]);
  });

  test("time never goes back", async () => {
    const { shell, core, clock } = startShell();
    shell.submit(emits(1));
    clock.advance(-500);
    shell.submit(emits(1));
    expect(core.executedAtMs).toEqual([1_000, 1_000]);
  });
});

describe("too much waiting is refused unexecuted", () => {
  test.each([
    ["commands", { commandsUnsyncedMax: 2 }],
    ["bytes", { bytesUnsyncedMax: 150 }],
  ])("at the most %s, until the disk has caught up", async (_what, options) => {
    const { shell, core, endWrite } = startShell(options);
    shell.submit(emits(1));
    shell.submit(emits(1));
    const outcome = await shell.execute(emits(1));
    expect(outcome).toMatchObject({ ok: false, rejection: { code: "overloaded" }, seq: 0 });
    expect(core.executedAtMs.length).toBe(2);
    await settle();
    await endWrite();
    expect(shell.submit(emits(1)).outcome.ok).toBe(true);
  });
});

test("trading that was stopped executes nothing, says why, and still reads", async () => {
  const { shell, core, tick } = startShell();
  shell.stopTrading("order 3 holds nothing");
  shell.stopTrading("something else");
  const { outcome } = shell.submit(emits(1));
  const message = "order 3 holds nothing";
  expect(outcome).toMatchObject({ rejection: { code: "trading-stopped", message } });
  tick();
  expect(core.executedAtMs).toEqual([]);
  expect(await shell.read(({ seq }) => seq)).toBe(0);
});

describe("after a failure nothing is told and nothing is executed", () => {
  test.each([
    [
      "a write",
      async ({ failWrite }: ReturnType<typeof startShell>) => failWrite(new Error("disk gone")),
      "disk gone",
    ],
    [
      "the core",
      async ({ shell, endWrite }: ReturnType<typeof startShell>) => {
        expect(() => shell.submit(throws)).toThrow("a bug in the core");
        await endWrite();
      },
      "a bug in the core",
    ],
    [
      "a subscriber",
      async ({ shell, endWrite }: ReturnType<typeof startShell>) => {
        shell.subscribe(() => {
          throw new Error("read model full");
        });
        await endWrite();
      },
      "read model full",
    ],
  ])("of %s", async (_what, fail, words) => {
    const started = startShell();
    const { shell, fatal, core, ranges, isClosed } = started;
    const told: unknown[] = [];
    void shell.execute(emits(1)).then((outcome) => told.push(outcome));
    void shell.read(({ seq }) => seq).then((seq) => told.push(seq));
    await settle();
    await fail(started);
    expect(fatal).toEqual([words]);
    expect(told).toEqual([]);
    const executed = core.executedAtMs.length;
    expect(shell.submit(emits(1)).outcome).toMatchObject({ rejection: { code: "overloaded" } });
    expect(core.executedAtMs.length).toBe(executed);
    await shell.close();
    expect(isClosed()).toBe(true);
    expect(ranges()).toEqual([[1, 1]]);
    expect(fatal).toEqual([words]);
  });
});

describe("ticks", () => {
  test("go on, one slice per turn of the event loop, as long as more is due", async () => {
    const { core, tick } = startShell();
    core.moreTicks = 3;
    tick();
    expect(core.executedAtMs.length).toBe(1);
    // Due again while the slices go on: it does not start a second row of them.
    tick();
    expect(core.executedAtMs.length).toBe(1);
    for (let turn = 0; turn < 6; turn += 1) await settle();
    expect(core.executedAtMs.length).toBe(4);
  });

  test("stop with the shell", async () => {
    const { shell, core, tick, isTicking } = startShell();
    expect(isTicking()).toBe(true);
    await shell.close();
    expect(isTicking()).toBe(false);
    tick();
    expect(core.executedAtMs).toEqual([]);
  });
});

test("closing waits for what was executed, lets go of it, and refuses what comes after", async () => {
  const { shell, isClosed, endWrite } = startShell();
  const answer = shell.execute(emits(1));
  const closing = shell.close();
  expect(shell.submit(emits(1)).outcome).toMatchObject({ rejection: { code: "overloaded" } });
  await settle();
  expect(isClosed()).toBe(false);
  await endWrite();
  expect((await answer).ok).toBe(true);
  // What the last snapshot asks for.
  for (let errand = 0; errand < 4; errand += 1) await endWrite();
  await closing;
  expect(isClosed()).toBe(true);
});
