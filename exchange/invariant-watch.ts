/**
 * Asks the running exchange from time to time whether its books are in order, and stops trading when
 * they are not: what is wrong is said, nothing more is executed, and reads go on.
 */
import { rowBreaches, totalsBreaches } from "#exchange/core/invariants.ts";
import type { Defer } from "#exchange/group-commit.ts";
import type { Ticker } from "#exchange/journaled-shell.ts";
import type { Shell } from "#exchange/shell.ts";

const EVERY_MS = 10_000;
/** Looked at in about two milliseconds; commands run between two slices. */
const ROWS_PER_SLICE = 1_000;
/** Told in the log; the first ones tell the story. */
const BREACHES_TOLD_MAX = 10;

/** What an operator does about a breach. */
export const BREACH_REMEDY =
  "Nothing is executed any more; reads go on. Take a backup (gridspot exchange backup), stop the exchange and run gridspot exchange verify. If the journal is sound, this process's memory was not: start again. If it is not, keep the backup and restore the last one that verifies.";

export interface InvariantWatchOptions {
  everyMs?: number;
  rowsPerSlice?: number;
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

/** Starts to watch. Rows are looked at in slices, the totals in one go, each pass from the start. */
export function watchInvariants(
  options: InvariantWatchOptions,
  { shell, log, ...given }: InvariantWatchDependencies,
): InvariantWatch {
  const rowsPerSlice = options.rowsPerSlice ?? ROWS_PER_SLICE;
  const defer = given.defer ?? setImmediate;
  let isPassing = false;
  let isClosed = false;

  function stop(breaches: readonly string[]): void {
    const told = breaches.slice(0, BREACHES_TOLD_MAX);
    shell.stopTrading(`the exchange's books are in disorder: ${told[0]}`);
    const { seq } = shell.state;
    log.fatal(
      { seq, breaches: told, of: breaches.length, remedy: BREACH_REMEDY },
      "trading stopped",
    );
  }

  function slice(rows: Iterator<string | null>): void {
    if (isClosed || shell.stoppedBecause !== null) return;
    for (let row = 0; row < rowsPerSlice; row += 1) {
      const next = rows.next();
      if (next.done === true) {
        const breaches = [...totalsBreaches(shell.state)];
        if (breaches.length > 0) stop(breaches);
        isPassing = false;
        return;
      }
      if (next.value !== null) {
        stop([next.value]);
        return;
      }
    }
    defer(() => slice(rows));
  }

  const cancel = (given.ticker ?? intervalTicker)(() => {
    // A pass that takes longer than the pause is finished before the next begins.
    if (isPassing) return;
    isPassing = true;
    slice(rowBreaches(shell.state));
  }, options.everyMs ?? EVERY_MS);

  return {
    close() {
      isClosed = true;
      cancel();
    },
  };
}
