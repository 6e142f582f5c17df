/** What a snapshot of a large state does to the commands that run beside it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { systemClock } from "#exchange/clock.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { openSqliteJournal } from "#exchange/journal/sqlite-journal.ts";
import { createShell } from "#exchange/journaled-shell.ts";
import { recoverCore } from "#exchange/recovery.ts";
import { startFollowerThread } from "#exchange/snapshots/follower-thread.ts";
import { writePast } from "./past.ts";

/** 100,000 open orders, about, and as many Lots. */
const LARGE = {
  traders: 1_500,
  openOrdersPerTrader: 170,
  asksPercent: 18,
  isEnough: ({ lots }: CoreState) => lots.size >= 100_000,
};
const COMMANDS_PER_SECOND = 500;
const QUIET_SECONDS = 10;
const TIMER_MS = 1;

export interface Beside {
  /** How late the event loop came to a timer, in milliseconds. */
  lateMs: { p99: number; most: number };
  /** Milliseconds from command to acknowledgement, ascending. */
  acksMs: number[];
  seconds: number;
}

export async function measurePauses(dataDir: string, rounds: number) {
  mkdirSync(dataDir);
  writePast(join(dataDir, "journal.db"), LARGE);
  const journal = await openSqliteJournal(dataDir);
  const core = recoverCore(journal.recovered);
  const onFatal = (error: Error) => {
    console.error(error);
    process.exit(1);
  };
  const options = { eventsPerSnapshot: Number.POSITIVE_INFINITY, stateRowsAtStopMax: 0 };
  const shell = createShell(options, { core, journal, clock: systemClock, onFatal });

  /** Runs until `isOver`, with commands at a steady rate. */
  async function beside(isOver: () => boolean): Promise<Beside> {
    const acksMs: number[] = [];
    const late = monitorEventLoopDelay({ resolution: TIMER_MS });
    late.enable();
    const startMs = performance.now();
    let sent = 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        while (sent < ((performance.now() - startMs) * COMMANDS_PER_SECOND) / 1000) {
          sent += 1;
          const sentMs = performance.now();
          const name = `account ${sent}`;
          const { released } = shell.submit({ type: "open-account", name, mode: "easy" });
          void released.then(() => acksMs.push(performance.now() - sentMs));
        }
        if (!isOver()) return;
        clearInterval(timer);
        resolve();
      }, TIMER_MS);
    });
    late.disable();
    // What is still on its way counts as well.
    await shell.execute({ type: "open-account", name: "last", mode: "easy" });
    const lateness = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - TIMER_MS);
    return {
      lateMs: { p99: lateness(late.percentile(99)), most: lateness(late.max) },
      acksMs: acksMs.sort((a, b) => a - b),
      seconds: (performance.now() - startMs) / 1000,
    };
  }

  await shell.execute({ type: "tick" });
  const encodeMs: number[] = [];
  const quiet: Beside[] = [];
  const during: Beside[] = [];
  /** What the event loop does for each errand of a follower, but for copying it. */
  const errandsMs: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    bytes = core.snapshot().length;
    encodeMs.push(performance.now() - startMs);
    const endMs = performance.now() + QUIET_SECONDS * 1000;
    quiet.push(await beside(() => performance.now() > endMs));
    let isTaken = false;
    const { done } = startFollowerThread(journal.lastSeq, (errand) => {
      const beganMs = performance.now();
      const result = journal.run(errand);
      errandsMs.push(performance.now() - beganMs);
      return result;
    });
    void done.then(() => {
      isTaken = true;
    }, onFatal);
    during.push(await beside(() => isTaken));
  }
  const { orders, lots } = core.state;
  const rows = `${orders.size} + ${lots.size}`;
  await shell.close();
  return { rows, bytes, encodeMs, errandsMs: errandsMs.sort((a, b) => a - b), quiet, during };
}
