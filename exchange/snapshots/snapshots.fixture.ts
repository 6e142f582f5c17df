/** A shell over a given journal with a follower that a test holds, for tests of snapshots. */
import { manualClock } from "#exchange/clock.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { Journal } from "#exchange/journal/journal.ts";
import type { MemoryStore } from "#exchange/journal/memory-journal.ts";
import { createShell, type ShellOptions } from "#exchange/journaled-shell.ts";
import { recoverCore } from "#exchange/recovery.ts";
import type { Follower, StartFollower } from "./follower.ts";

/** The whole state. */
export const text = (core: Core) => new TextDecoder().decode(core.snapshot());
export const openAccount = (name: string) =>
  ({ type: "open-account", name, mode: "easy" }) as const;

/** A follower that does nothing until the test says how it ends. */
export function heldFollower() {
  const started: number[] = [];
  let end = (_outcome: Error | readonly string[]) => {};
  let wasAbandoned = false;
  const start: StartFollower = (toSeq): Follower => {
    started.push(toSeq);
    const done = new Promise<readonly string[]>((resolve, reject) => {
      end = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
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
    /** An error, or what is wrong with the journal; nothing when the snapshot is stored. */
    end: (outcome: Error | readonly string[]) => end(outcome),
    isAbandoned: () => wasAbandoned,
  };
}

/** A shell without ticks; what it says and what it waits for is the test's to look at. */
export function startShell(
  journal: Journal,
  startFollower: StartFollower,
  options: ShellOptions = {},
) {
  const fatal: string[] = [];
  const missed: string[] = [];
  const disorder: [number, readonly string[]][] = [];
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
      onDisorder: (seq, problems) => disorder.push([seq, problems]),
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
  return { shell, core, fatal, missed, disorder, timers, grow };
}

/** Lets everything run that is ready to run. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));
/** The snapshots that are stored, newest first. */
export const seqs = ({ headers }: MemoryStore) => headers.map(({ seq }) => seq);
