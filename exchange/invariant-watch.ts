/**
 * Asks the running exchange from time to time whether its books are in order, and stops trading when
 * they are not: what is wrong is said, nothing more is executed, and reads go on.
 */
import { breachesInSteps, invariantBreaches } from "#exchange/core/invariants.ts";
import type { Defer } from "#exchange/group-commit.ts";
import type { Ticker } from "#exchange/journaled-shell.ts";
import type { Shell } from "#exchange/shell.ts";

const EVERY_MS = 10_000;
/** Taken in about a millisecond, and seldom three; commands run between two slices. */
const STEPS_PER_SLICE = 500;
/** Told in the log; the first ones tell the story. */
const BREACHES_TOLD_MAX = 10;

/** What an operator does about a breach. */
export const BREACH_REMEDY =
  "Nothing is executed any more; reads go on. Take a backup (gridspot exchange backup), stop the exchange and run gridspot exchange verify. If the journal is sound, this process's memory was not: start again. If it is not, keep the backup and restore the last one that verifies.";

export interface InvariantWatchOptions {
  everyMs?: number;
  stepsPerSlice?: number;
}

export interface InvariantWatchDependencies {
  shell: Pick<Shell, "state" | "stopTrading" | "stoppedBecause">;
  log: { fatal(record: object, message: string): void };
  ticker?: Ticker;
  defer?: Defer;
}

export interface InvariantWatch {
  close(): void;
}

const intervalTicker: Ticker = (run, everyMs) => {
  const interval = setInterval(run, everyMs);
  interval.unref();
  return () => clearInterval(interval);
};

/** Starts to watch: now and then a walk through the whole state, in slices. */
export function watchInvariants(
  options: InvariantWatchOptions,
  { shell, log, ...given }: InvariantWatchDependencies,
): InvariantWatch {
  const stepsPerSlice = options.stepsPerSlice ?? STEPS_PER_SLICE;
  const defer = given.defer ?? setImmediate;
  let walk: Generator<string | null> | null = null;

  function stop(first: string): void {
    shell.stopTrading(`the exchange's books are in disorder: ${first}`);
    // Nothing is traded any more that a look at everything at once could hold up.
    const breaches = [...new Set([first, ...invariantBreaches(shell.state)])];
    const { seq } = shell.state;
    const told = breaches.slice(0, BREACHES_TOLD_MAX);
    log.fatal(
      { seq, breaches: told, of: breaches.length, remedy: BREACH_REMEDY },
      "trading stopped",
    );
  }

  function endWalk(): void {
    // What keeps its sums up with the ledger is told that it is over.
    walk?.return(undefined);
    walk = null;
  }

  function slice(): void {
    if (walk === null) return;
    const isOver = shell.stoppedBecause !== null;
    for (let step = 0; !isOver && step < stepsPerSlice; step += 1) {
      const { done, value } = walk.next();
      if (done !== true && value === null) continue;
      endWalk();
      if (done !== true && value !== null) stop(value);
      return;
    }
    if (isOver) endWalk();
    else defer(slice);
  }

  const cancel = (given.ticker ?? intervalTicker)(() => {
    // A walk that takes longer than the pause is finished before the next begins.
    if (walk !== null) return;
    walk = breachesInSteps(shell.state);
    slice();
  }, options.everyMs ?? EVERY_MS);

  return {
    close() {
      endWalk();
      cancel();
    },
  };
}
