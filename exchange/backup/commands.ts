/** What `gridspot exchange backup`, `restore` and `verify` do; each returns the lines to print. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Archive, openArchive } from "#exchange/journal/archive.ts";
import { finishNow } from "#exchange/journal/errands.ts";
import { DirectoryInUse, JournalError } from "#exchange/journal/journal.ts";
import { inWords } from "#exchange/journal/sqlite-file.ts";
import { type BackupReport, makeBackup } from "./backup-work.ts";
import { rebuildHistory } from "./history-rebuild.ts";
import { checkVacant, restoreArchive } from "./restoration.ts";
import { askForBackup } from "./running-exchange.ts";
import { type Verification, verifyJournal } from "./verification.ts";

/** Backs a data directory up, through the exchange that runs on it or without one. */
export async function backUp(dataDir: string, to: string): Promise<string[]> {
  const file = resolve(to);
  const report = await backUpTo(file, dataDir);
  const snapshot = report.snapshotSeq === null ? "none" : `event ${report.snapshotSeq}`;
  return [
    `${file}: ${report.lastSeq} events in ${report.batches} batches, ${report.bytes} bytes, snapshot: ${snapshot}; read back and proved`,
    ...report.notes,
    `Keep ${join(dataDir, "exchange.key")} as well, apart from it: agents know the exchange by that key.`,
  ];
}

async function backUpTo(to: string, dataDir: string): Promise<BackupReport> {
  const file = join(dataDir, "journal.db");
  try {
    return reading(file, "name the data directory of an exchange", ({ content }) =>
      finishNow(makeBackup({ to, toSeq: content.newest()?.lastSeq ?? 0 }), content.run),
    );
  } catch (error) {
    if (error instanceof DirectoryInUse) return askForBackup(dataDir, to);
    throw error;
  }
}

/**
 * Verifies a backup and puts it into a data directory that has no journal. Snapshots that are no good
 * are left out: the events are the truth, and the next start replays them.
 */
export function restore(from: string, dataDir: string): string[] {
  checkVacant(dataDir);
  return reading(from, "name a backup", (archive) => {
    const found = verifyJournal(archive.content);
    const { problems, snapshotProblems, notes } = found;
    if (problems.length > 0) {
      throw new JournalError([`${from} was not restored:`, ...problems].join("\n"));
    }
    const withoutSnapshot = snapshotProblems.length > 0;
    restoreArchive(archive, dataDir, { withoutSnapshot });
    return [
      ...linesOf(from, found),
      ...snapshotProblems,
      ...(withoutSnapshot ? ["restored without a snapshot: the next start replays it all"] : notes),
      `restored into ${dataDir}; the read model is built at the next start`,
      ...missingKey(dataDir),
    ];
  });
}

/** Agents know the exchange by its key, which is in no backup. */
function missingKey(dataDir: string): string[] {
  const file = join(dataDir, "exchange.key");
  if (existsSync(file)) return [];
  return [
    `${file} is missing: put the exchange's key back there, or the exchange does not start. Only when it is lost for good, gridspot exchange new-key makes another.`,
  ];
}

/** Verifies a backup, or the journal of a data directory that no exchange has open; writes nothing. */
export function verify(target: { file: string } | { dataDir: string }): {
  lines: string[];
  isSound: boolean;
} {
  const isFile = "file" in target;
  const file = isFile ? target.file : join(target.dataDir, "journal.db");
  const hint = isFile ? "name a backup" : "name the data directory of an exchange";
  try {
    return reading(file, hint, ({ content }) => {
      const found = verifyJournal(content);
      const { problems, snapshotProblems, notes } = found;
      const wrong = [...problems, ...snapshotProblems];
      if (problems.length === 0 && snapshotProblems.length > 0) {
        notes.push("Every event is sound. Back it up and restore that: without such a snapshot.");
      }
      return { lines: [...linesOf(file, found), ...wrong, ...notes], isSound: wrong.length === 0 };
    });
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    throw new JournalError(`${error.message}; or back it up while it runs, and verify the backup`);
  }
}

/** Builds the read model of a stopped exchange anew, from every event of its journal. */
export function rebuild(dataDir: string): string[] {
  const file = join(dataDir, "journal.db");
  const beganMs = performance.now();
  try {
    return reading(file, "name the data directory of an exchange", ({ content }) => {
      const events = rebuildHistory(content, dataDir);
      const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
      return [`${join(dataDir, "history.db")}: built anew from ${events} events in ${seconds} s`];
    });
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    throw new JournalError(
      `${error.message}; stop it first. It needs no rebuild to go on: a history that fails is built anew at the next start.`,
    );
  }
}

/** Opens a journal that nobody writes to, reads it and closes it; what SQLite says is put in words. */
function reading<R>(file: string, hint: string, read: (archive: Archive) => R): R {
  if (!existsSync(file)) throw new JournalError(`${file} does not exist; ${hint}`);
  const archive = openArchive(file);
  try {
    return read(archive);
  } catch (error) {
    throw inWords(file, error as Error);
  } finally {
    archive.close();
  }
}

function linesOf(file: string, found: Verification): string[] {
  const { problems, snapshotProblems, counts, firstAtMs, lastAtMs } = found;
  const time = (ms: number | null) => (ms === null ? "never" : new Date(ms).toISOString());
  const { batches, events, bytes, snapshots, accounts, orders, lots, deliveries } = counts;
  const wrong = problems.length + snapshotProblems.length;
  const verdict = wrong === 0 ? "sound" : `NOT SOUND, ${wrong} problems`;
  return [
    `${file}: ${verdict}`,
    `  ${events} events in ${batches} batches, ${bytes} bytes, ${time(firstAtMs)} to ${time(lastAtMs)}; snapshots: ${snapshots}`,
    `  accounts: ${accounts}, open orders: ${orders}, open Lots: ${lots}, open deliveries: ${deliveries}`,
  ];
}
