import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { manualClock } from "#exchange/clock.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { Errand } from "#exchange/journal/errands.ts";
import { type Journal, JournalError } from "#exchange/journal/journal.ts";
import {
  createMemoryJournal,
  createMemoryStore,
  type MemoryStore,
} from "#exchange/journal/memory-journal.ts";
import { openSqliteJournal } from "#exchange/journal/sqlite-journal.ts";
import { createShell, type ShellOptions } from "#exchange/journaled-shell.ts";
import { recoverCore } from "#exchange/recovery.ts";
import { type Follower, followerInTurns, type StartFollower } from "./follower.ts";
import { startFollowerThread } from "./follower-thread.ts";

const text = (core: Core) => new TextDecoder().decode(core.snapshot());
const openAccount = (name: string) => ({ type: "open-account", name, mode: "easy" }) as const;

/** A follower that does nothing until the test says how it ends. */
function heldFollower() {
  const started: number[] = [];
  let end = (_error: Error | null) => {};
  let wasAbandoned = false;
  const start: StartFollower = (toSeq): Follower => {
    started.push(toSeq);
    const done = new Promise<void>((resolve, reject) => {
      end = (error) => (error === null ? resolve() : reject(error));
    });
    return {
      done,
      abandon() {
        wasAbandoned = true;
      },
    };
  };
  return {
    start,
    started,
    end: (error: Error | null) => end(error),
    isAbandoned: () => wasAbandoned,
  };
}

function startShell(journal: Journal, startFollower: StartFollower, options: ShellOptions = {}) {
  const fatal: string[] = [];
  const missed: string[] = [];
  const timers: (() => void)[] = [];
  const core = recoverCore(journal.recovered);
  const shell = createShell(
    { eventsPerSnapshot: 3, ...options },
    {
      core,
      journal,
      clock: manualClock(1_000),
      onFatal: ({ message }) => fatal.push(message),
      onMissedSnapshot: ({ message }) => missed.push(message),
      startFollower,
      ticker(run) {
        timers.push(run);
        return () => {};
      },
    },
  );
  const grow = async (events: number) => {
    for (let count = 0; count < events; count += 1) await shell.execute(openAccount("a"));
  };
  return { shell, core, fatal, missed, timers, grow };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const seqs = ({ headers }: MemoryStore) => headers.map(({ seq }) => seq);

describe("a snapshot is due", () => {
  test("after so many events since the last, at a batch's end, and one at a time", async () => {
    const follower = heldFollower();
    const { grow } = startShell(createMemoryJournal(), follower.start);
    await grow(2);
    expect(follower.started).toEqual([]);
    await grow(6);
    expect(follower.started).toEqual([3]);
    follower.end(null);
    await settled();
    await grow(1);
    expect(follower.started).toEqual([3, 9]);
  });

  test("counted from the one that was recovered", async () => {
    const store = createMemoryStore();
    const first = startShell(createMemoryJournal(store), followerInTurns(setImmediate));
    await first.grow(2);
    await first.shell.close();
    const follower = heldFollower();
    const { grow } = startShell(createMemoryJournal(store), follower.start);
    await grow(2);
    expect(follower.started).toEqual([]);
    await grow(1);
    expect(follower.started).toEqual([5]);
  });
});

test.each([
  [
    "that only the follower failed at is told, and tried again later",
    new Error("no memory"),
    false,
  ],
  ["that the journal does not give ends everything", new JournalError("unsound"), true],
])("a snapshot %s", async (_what, error, isFatal) => {
  const follower = heldFollower();
  const { grow, fatal, missed } = startShell(createMemoryJournal(), follower.start);
  await grow(3);
  follower.end(error);
  await settled();
  expect([fatal, missed]).toEqual(isFatal ? [["unsound"], []] : [[], ["no memory"]]);
  if (isFatal) return;
  await grow(2);
  expect(follower.started).toEqual([3]);
  await grow(1);
  expect(follower.started).toEqual([3, 6]);
});

describe("at a stop", () => {
  test("everything since the last snapshot goes into a new one", async () => {
    const store = createMemoryStore();
    const { shell, core, grow } = startShell(createMemoryJournal(store), heldFollower().start);
    await grow(2);
    await shell.close();
    expect(seqs(store)).toEqual([2]);
    const { recovered } = createMemoryJournal(store);
    expect(new TextDecoder().decode(recovered.snapshot?.bytes)).toBe(text(core));
  });

  test("nothing since the last snapshot makes no new one", async () => {
    const store = createMemoryStore();
    const { shell, grow } = startShell(createMemoryJournal(store), followerInTurns(setImmediate));
    await grow(2);
    await shell.close();
    const errands: Errand[] = [];
    const journal = createMemoryJournal(store);
    const watched: Journal = {
      ...journal,
      run: (errand) => {
        errands.push(errand as Errand);
        return journal.run(errand);
      },
    };
    await startShell(watched, heldFollower().start).shell.close();
    expect(errands).toEqual([]);
  });

  test("a state too large to encode in time is left to the next start", async () => {
    const store = createMemoryStore();
    const options = { stateRowsAtStopMax: 1 };
    const { shell, grow } = startShell(createMemoryJournal(store), heldFollower().start, options);
    await grow(2);
    await shell.close();
    expect(seqs(store)).toEqual([]);
  });

  test("a snapshot under way is waited for until the time is over, then abandoned", async () => {
    const store = createMemoryStore();
    const follower = heldFollower();
    const { shell, grow, timers, fatal } = startShell(createMemoryJournal(store), follower.start);
    await grow(3);
    const closing = shell.close();
    await settled();
    expect(follower.isAbandoned()).toBe(false);
    timers.at(-1)?.();
    await closing;
    expect([follower.isAbandoned(), seqs(store), fatal]).toEqual([true, [], []]);
    // What an abandoned one comes to is nobody's business.
    follower.end(new JournalError("closed"));
    await settled();
    expect(fatal).toEqual([]);
  });
});

describe.each([
  ["in turns", () => followerInTurns(setImmediate)],
  ["in a thread", () => startFollowerThread],
])("a follower %s", (_where, follower) => {
  let dir = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gridspot-snapshots-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** Runs a follower beside appends; returns the live state at `toSeq`, as text. */
  async function follow(toSeq: number): Promise<string> {
    const journal = await openSqliteJournal(dir);
    const { core, grow } = startShell(journal, heldFollower().start);
    await grow(toSeq - core.state.seq);
    const atSeq = text(core);
    const { done } = follower()(toSeq, journal.run);
    await grow(3);
    await done;
    await journal.close();
    return atSeq;
  }

  test("stores the very bytes of the live state, from the first event and from a snapshot", async () => {
    for (const toSeq of [4, 9]) {
      const atSeq = await follow(toSeq);
      const journal = await openSqliteJournal(dir);
      expect(journal.recovered.snapshot?.seq).toBe(toSeq);
      expect(new TextDecoder().decode(journal.recovered.snapshot?.bytes)).toBe(atSeq);
      await journal.close();
    }
  });

  test("says when the journal cannot be replayed", async () => {
    const journal = await openSqliteJournal(dir);
    const events = Buffer.from('{"type":"order-rested","version":1,"seq":1,"atMs":1,"order":9}\n');
    await journal.append({ firstSeq: 1, lastSeq: 1, atMs: 1, events });
    const { done } = follower()(1, journal.run);
    await expect(done).rejects.toThrow(JournalError);
    await expect(done).rejects.toThrow("does not fit the state before it");
    await journal.close();
  });
});
