/** What a snapshot of a large state does to the commands that run beside it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
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
const QUIET_SECONDS = 3;

export interface Beside {
  /** Milliseconds of each turn of the event loop, ascending. */
  turnsMs: number[];
  /** What of them the thread had a core: without waiting for one on a busy machine. */
  turnsCpuMs: number[];
  /** Milliseconds from command to acknowledgement, ascending. */
  acksMs: number[];
  seconds: number;
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
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

  /** Runs until `isOver`, a command every few turns. */
  async function beside(isOver: () => boolean): Promise<Beside> {
    const turnsMs: number[] = [];
    const turnsCpuMs: number[] = [];
    const acksMs: number[] = [];
    const startMs = performance.now();
    let lastMs = startMs;
    let lastCpuMs = threadCpuMs();
    let sent = 0;
    await new Promise<void>((resolve) => {
      function turn(): void {
        const nowMs = performance.now();
        turnsMs.push(nowMs - lastMs);
        lastMs = nowMs;
        const cpuMs = threadCpuMs();
        turnsCpuMs.push(cpuMs - lastCpuMs);
        lastCpuMs = cpuMs;
        while (sent < ((nowMs - startMs) * COMMANDS_PER_SECOND) / 1000) {
          sent += 1;
          const sentMs = performance.now();
          const name = `account ${sent}`;
          const { released } = shell.submit({ type: "open-account", name, mode: "easy" });
          void released.then(() => acksMs.push(performance.now() - sentMs));
        }
        if (isOver()) resolve();
        else setImmediate(turn);
      }
      turn();
    });
    const ascending = (values: number[]) => values.sort((a, b) => a - b);
    const seconds = (performance.now() - startMs) / 1000;
    return {
      turnsMs: ascending(turnsMs),
      turnsCpuMs: ascending(turnsCpuMs),
      acksMs: ascending(acksMs),
      seconds,
    };
  }

  await shell.execute({ type: "tick" });
  const encodeMs: number[] = [];
  const quiet: Beside[] = [];
  const during: Beside[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    bytes = core.snapshot().length;
    encodeMs.push(performance.now() - startMs);
    const endMs = performance.now() + QUIET_SECONDS * 1000;
    quiet.push(await beside(() => performance.now() > endMs));
    let isTaken = false;
    const { done } = startFollowerThread(journal.lastSeq, journal.run);
    void done.then(() => {
      isTaken = true;
    }, onFatal);
    during.push(await beside(() => isTaken));
  }
  const { orders, lots } = core.state;
  const rows = `${orders.size} + ${lots.size}`;
  await shell.close();
  return { rows, bytes, encodeMs, quiet, during };
}
