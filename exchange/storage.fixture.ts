/** Data directories with a little of everything in them, for tests that damage them. */
import { createHash } from "node:crypto";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { manualClock } from "#exchange/clock.ts";
import { instruments, policy, START_MS } from "#exchange/core/core.fixture.ts";
import { createShell } from "#exchange/journaled-shell.ts";
import type { Shell } from "#exchange/shell.ts";
import { openStorage, type Storage } from "./storage.ts";

/** State and read model, as text. */
export const stateOf = ({ core, history }: Storage) =>
  `${history.lastSeq} ${createHash("sha256").update(core.snapshot()).digest("hex")}`;

/** A shell without ticks, with its read model behind it. */
export function shellOver({ core, journal, history }: Storage, eventsPerSnapshot: number): Shell {
  const clock = manualClock(START_MS);
  const fail = (error: Error) => {
    throw error;
  };
  const ticker = () => () => {};
  const shell = createShell({ eventsPerSnapshot }, { core, journal, clock, onFatal: fail, ticker });
  shell.subscribe((events) => history.apply(events));
  return shell;
}

async function openAccounts(shell: Shell, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) {
    const name = `account ${number} ${"x".repeat(40)}`;
    await shell.execute({ type: "open-account", name, mode: "easy" });
  }
}

/**
 * Makes two directories under `root` in the same state: of a process that was killed (two snapshots,
 * and a log that holds the end), and of one that was stopped. `expected` is what either comes to.
 */
export async function writeDirectories(root: string) {
  const [live, killed, stopped] = [join(root, "live"), join(root, "killed"), join(root, "stopped")];
  let storage = await openStorage(live);
  let shell = shellOver(storage, 12);
  await shell.execute({ type: "adopt-policy", policy });
  for (const instrument of instruments) {
    await shell.execute({ type: "list-instrument", instrument });
  }
  await openAccounts(shell, 1, 12);
  await shell.close();
  storage.history.close();
  storage = await openStorage(live);
  shell = shellOver(storage, 12);
  await openAccounts(shell, 13, 24);
  // Its second snapshot is under way: errands let it end.
  while ((await storage.journal.run({ type: "list-snapshots" })).length < 2) {}
  await openAccounts(shell, 25, 30);
  const expected = stateOf(storage);
  cpSync(live, killed, { recursive: true });
  await storage.journal.close();
  storage.history.close();
  cpSync(live, stopped, { recursive: true });
  return { killed, stopped, expected };
}
