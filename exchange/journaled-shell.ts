/**
 * The shell over a journal: executes at once, commits in groups off the event loop (one write in
 * flight, the next batch collecting meanwhile), and releases everything at its commit sequence.
 */
import type { Clock } from "#exchange/clock.ts";
import type { Core, Executed } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { encodeEvents } from "#exchange/journal/event-encoding.ts";
import type { Journal } from "#exchange/journal/journal.ts";
import type { Outcome, Overload, Shell, Submitted } from "#exchange/shell.ts";
import { followerInTurns, type StartFollower } from "#exchange/snapshots/follower.ts";
import { createSnapshots, type SnapshotOptions } from "#exchange/snapshots/snapshots.ts";
import { createGroupCommit, type Defer, type GroupCommitOptions } from "./group-commit.ts";

/** Commands and reads that may wait for the disk; beyond, commands are refused unexecuted. */
export const COMMANDS_UNSYNCED_MAX = 10_000;
/** Encoded events that may wait for the disk; beyond, commands are refused unexecuted. */
export const BYTES_UNSYNCED_MAX = 64 * 1024 * 1024;
/** Whole commands go into a batch until it has this much; small enough to be written in some ms. */
const BATCH_BYTES_TARGET = 1024 * 1024;
/** Replayed in about two seconds. */
const EVENTS_PER_SNAPSHOT = 100_000;
const SNAPSHOT_AT_STOP_MS_MAX = 5_000;
/** Encoded in about a second. */
const STATE_ROWS_AT_STOP_MAX = 200_000;
const TICK_MS = 250;

/** Calls `run` every `everyMs` until the function it returned is called. */
export type Ticker = (run: () => void, everyMs: number) => () => void;

const intervalTicker: Ticker = (run, everyMs) => {
  const interval = setInterval(run, everyMs);
  return () => clearInterval(interval);
};

export interface ShellOptions extends Partial<GroupCommitOptions & SnapshotOptions> {
  tickMs?: number;
}

export interface ShellDependencies {
  /** In the state that the journal ends at. */
  core: Core;
  journal: Journal;
  clock: Clock;
  /** Called once when the journal, the core or a subscriber failed; the process must end. */
  onFatal: (error: Error) => void;
  encodeEvents?: (events: readonly CoreEvent[]) => Uint8Array;
  ticker?: Ticker;
  defer?: Defer;
  /** How batches are paced under load, see `GroupCommitDependencies`. */
  pace?: Defer;
  /** Where snapshots are made; without it in turns of this thread, which is for small states. */
  startFollower?: StartFollower;
  /** A snapshot could not be taken, and only that. */
  onMissedSnapshot?: (error: Error) => void;
  /** The journal gave no sound state after event `seq`, and so trading was stopped. */
  onDisorder?: (seq: number, problems: readonly string[]) => void;
}

const overload = (message: string): Overload => ({ code: "overloaded", message });
const OVERLOADED = overload(
  "too much is waiting to be stored; nothing was executed, retry shortly",
);
const STOPPING = overload("the exchange is stopping; nothing was executed");

/** Builds the shell and starts its ticks. */
export function createShell(
  options: ShellOptions,
  { core, journal, clock, onFatal, ...given }: ShellDependencies,
): Shell {
  const defer = given.defer ?? setImmediate;
  const ticker = given.ticker ?? intervalTicker;
  const onMissed = given.onMissedSnapshot ?? (() => {});
  const onDisorder =
    given.onDisorder ?? ((_seq, problems) => onMissed(new Error(problems.join("; "))));
  const snapshots = createSnapshots(
    {
      eventsPerSnapshot: EVENTS_PER_SNAPSHOT,
      snapshotAtStopMsMax: SNAPSHOT_AT_STOP_MS_MAX,
      stateRowsAtStopMax: STATE_ROWS_AT_STOP_MAX,
      ...options,
    },
    {
      core,
      journal,
      ticker,
      startFollower: given.startFollower ?? followerInTurns(defer),
      // Memory in disorder must not become what the next start begins with.
      isTrusted: () => stoppedBecause === null,
      onFatal: (error) => commit.fail(error),
      onMissed,
      onDisorder(seq, problems) {
        shell.stopTrading(`the journal up to event ${seq} gives no sound state: ${problems[0]}`);
        onDisorder(seq, problems);
      },
    },
  );
  const commit = createGroupCommit(
    {
      commandsUnsyncedMax: COMMANDS_UNSYNCED_MAX,
      bytesUnsyncedMax: BYTES_UNSYNCED_MAX,
      batchBytesTarget: BATCH_BYTES_TARGET,
      ...options,
    },
    {
      ...{ core, journal, snapshots, onFatal, defer },
      pace: given.pace,
      encodeEvents: given.encodeEvents ?? encodeEvents,
    },
  );
  let closing: Promise<void> | null = null;
  let willTickAgain = false;
  let stoppedBecause: string | null = null;

  function refusal(): Overload | null {
    if (stoppedBecause !== null) return { code: "trading-stopped", message: stoppedBecause };
    if (closing !== null || commit.hasFailed) return STOPPING;
    return commit.isFull ? OVERLOADED : null;
  }

  const shell: Shell = {
    get state() {
      return core.state;
    },
    submit(command) {
      const refused = refusal();
      if (refused !== null) {
        // It rests on no state, so it may be told at once.
        const outcome = { ok: false as const, rejection: refused, seq: commit.durableSeq };
        return { outcome, released: Promise.resolve() };
      }
      let executed: Executed<typeof command.type>;
      try {
        executed = core.execute(command, Math.max(core.state.nowMs, clock.nowMs()));
        commit.add(executed.events);
      } catch (error) {
        // Memory may hold half a decision now and is never rolled back.
        commit.fail(error as Error);
        throw error;
      }
      const { seq } = core.state;
      const outcome = executed.ok
        ? { ok: true as const, result: executed.result, seq }
        : { ok: false as const, rejection: executed.rejection, seq };
      return { outcome: outcome as Outcome<never>, released: commit.released(seq) };
    },
    async execute(command) {
      const submitted = shell.submit(command);
      await submitted.released;
      return submitted.outcome;
    },
    async read(view) {
      const shown = view(core.state);
      await commit.released(core.state.seq);
      return shown;
    },
    stopTrading(reason) {
      stoppedBecause ??= reason;
    },
    get stoppedBecause() {
      return stoppedBecause;
    },
    subscribe: commit.subscribe,
    close() {
      stopTicks();
      closing ??= commit.close();
      return closing;
    },
  };

  function tick(): void {
    if (willTickAgain || refusal() !== null) return;
    let submitted: Submitted<"tick">;
    try {
      submitted = shell.submit({ type: "tick" });
    } catch {
      // `onFatal` was told by `submit`; nobody waits for a tick.
      return;
    }
    if (!submitted.outcome.ok || !submitted.outcome.result.more) return;
    // One slice per turn of the event loop: requests get theirs in between.
    willTickAgain = true;
    defer(() => {
      willTickAgain = false;
      tick();
    });
  }

  const stopTicks = ticker(tick, options.tickMs ?? TICK_MS);
  return shell;
}
