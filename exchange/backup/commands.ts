/** What `gridspot exchange backup`, `restore` and `verify` do; each returns the lines to print. */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { openArchive } from "#exchange/journal/archive.ts";
import { finishNow } from "#exchange/journal/errands.ts";
import { DirectoryInUse, JournalError } from "#exchange/journal/journal.ts";
import { openSqliteStore, type SqliteStore } from "#exchange/journal/sqlite-store.ts";
import { type BackupReport, makeBackup } from "./backup-work.ts";
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
    `Keep ${join(dataDir, "exchange.key")} as well, apart from it: agents know the exchange by that key.`,
  ];
}

async function backUpTo(to: string, dataDir: string): Promise<BackupReport> {
  let store: SqliteStore;
  try {
    store = openExisting(dataDir);
  } catch (error) {
    if (error instanceof DirectoryInUse) return askForBackup(dataDir, to);
    throw error;
  }
  try {
    return finishNow(makeBackup({ to, toSeq: store.lastSeq }), store.run);
  } finally {
    store.close();
  }
}

/** Verifies a backup and puts it into a data directory that has no journal. */
export function restore(from: string, dataDir: string): string[] {
  checkVacant(dataDir);
  const { problems, lines } = verifyFile(from);
  if (problems.length > 0) {
    throw new JournalError([`${from} was not restored:`, ...problems].join("\n"));
  }
  restoreArchive(from, dataDir);
  return [...lines, `restored into ${dataDir}; the read model is built at the next start`];
}

/** Verifies a backup, or the journal of a data directory that no exchange has open. */
export function verify(target: { file: string } | { dataDir: string }): {
  lines: string[];
  isSound: boolean;
} {
  const { problems, lines } =
    "file" in target ? verifyFile(target.file) : verifyDir(target.dataDir);
  return { lines: [...lines, ...problems], isSound: problems.length === 0 };
}

interface Report {
  problems: string[];
  lines: string[];
}

function verifyFile(file: string): Report {
  if (!existsSync(file)) throw new JournalError(`${file} does not exist`);
  // A journal with a log beside it, not a backup.
  if (basename(file) === "journal.db") return verifyDir(dirname(resolve(file)));
  const { content, close } = openArchive(file);
  try {
    return reportOf(file, verifyJournal(content));
  } finally {
    close();
  }
}

function verifyDir(dataDir: string): Report {
  let store: SqliteStore;
  try {
    store = openExisting(dataDir);
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    throw new JournalError(`${error.message}; or back it up while it runs, and verify the backup`);
  }
  try {
    return reportOf(join(dataDir, "journal.db"), verifyJournal(store.content));
  } finally {
    store.close();
  }
}

/** Opening makes a new journal where there is none; here that would hide a wrong directory. */
function openExisting(dataDir: string): SqliteStore {
  const file = join(dataDir, "journal.db");
  if (!existsSync(file)) {
    throw new JournalError(`${file} does not exist; name the data directory of an exchange`);
  }
  return openSqliteStore(file);
}

function reportOf(file: string, { problems, counts, firstAtMs, lastAtMs }: Verification): Report {
  const time = (ms: number | null) => (ms === null ? "never" : new Date(ms).toISOString());
  const { batches, events, bytes, snapshots, accounts, orders, lots, deliveries } = counts;
  const verdict = problems.length === 0 ? "sound" : `NOT SOUND, ${problems.length} problems`;
  return {
    problems,
    lines: [
      `${file}: ${verdict}`,
      `  ${events} events in ${batches} batches, ${bytes} bytes, ${time(firstAtMs)} to ${time(lastAtMs)}; snapshots: ${snapshots}`,
      `  accounts: ${accounts}, open orders: ${orders}, open Lots: ${lots}, open deliveries: ${deliveries}`,
    ],
  };
}
