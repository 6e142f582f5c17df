/** Opening `journal.db`: for one process alone, durable at commit, and in the format we read. */
import { dirname } from "node:path";
import { openNativeDatabase, type SqliteDatabase } from "#exchange/database.ts";
import { DirectoryInUse, JournalError } from "./journal.ts";

/** Of the tables below, in SQLite's `user_version`. */
export const JOURNAL_FORMAT = 2;

/** Four times SQLite's: a large batch is then a third cheaper to write, a small one costs the same. */
const PAGE_BYTES = 16_384;
/**
 * The log is merged into the file when it has so many pages (4 MiB). Whoever waits for that commit
 * waits for the merge: less would mean more syncs, more a longer wait.
 */
const CHECKPOINT_PAGES = 256;

const BATCH_TABLES = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  INSERT INTO meta VALUES ('epoch', 0);
  CREATE TABLE batches (
    first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, prev_hash BLOB NOT NULL, hash BLOB NOT NULL, events BLOB NOT NULL) STRICT;
`;

const SNAPSHOT_TABLES = `
  CREATE TABLE snapshots (
    seq INTEGER PRIMARY KEY, schema_version INTEGER NOT NULL, parts INTEGER NOT NULL,
    hash BLOB NOT NULL) STRICT;
  CREATE TABLE snapshot_parts (
    seq INTEGER NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (seq, part)) STRICT;
  PRAGMA user_version = ${JOURNAL_FORMAT};
`;

export const JOURNAL_TABLES = BATCH_TABLES + SNAPSHOT_TABLES;

/** Empty tables in the place of those of format 1, for whoever may not change the file. */
export const NO_SNAPSHOTS = SNAPSHOT_TABLES.replaceAll("CREATE TABLE", "CREATE TEMP TABLE").replace(
  /PRAGMA.*;/,
  "",
);

/** Format 1 held a snapshot in one row. They are dropped: the replay of the first start is longer. */
const FROM_FORMAT_1 = `DROP TABLE snapshots; ${SNAPSHOT_TABLES}`;

/** Opens the file, making its tables in a new one. Throws `JournalError` in words when it cannot. */
export function openExclusively(file: string, openDatabase = openNativeDatabase): SqliteDatabase {
  let db: SqliteDatabase | null = null;
  try {
    db = openDatabase(file);
    // Of a new file; one that is there keeps its own.
    db.pragma(`page_size = ${PAGE_BYTES}`);
    db.pragma("locking_mode = EXCLUSIVE");
    db.pragma("journal_mode = WAL");
    // In WAL mode FULL syncs at every commit: what was answered survives a power cut.
    db.pragma("synchronous = FULL");
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    // The lock is taken by the first write, not by the pragma.
    db.exec("BEGIN EXCLUSIVE");
    const isNew = db.prepare("SELECT COUNT(*) FROM sqlite_schema").pluck().get() === 0;
    const format = db.pragma("user_version", { simple: true });
    if (isNew) db.exec(JOURNAL_TABLES);
    else if (format === 1) db.exec(FROM_FORMAT_1);
    else if (format !== JOURNAL_FORMAT) throw foreignFormat(file, format);
    db.exec("COMMIT");
    return db;
  } catch (error) {
    db?.close();
    throw inWords(file, error as Error);
  }
}

/** Why a file of this format is not gone on with. */
export function foreignFormat(file: string, format: unknown): JournalError {
  return new JournalError(
    `${file} has format ${format}, expected ${JOURNAL_FORMAT}: another version of gridspot wrote it. Start that version, or choose an empty data directory.`,
  );
}

const RESTORE = "Restore the last backup into the data directory and start again.";

/** What SQLite, or the system, says of a file, in words that say what to do; others stay as they are. */
export function inWords(file: string, error: Error & { code?: string }): Error {
  const { code, message } = error;
  if (error instanceof JournalError || code === undefined) return error;
  if (code.startsWith("SQLITE_BUSY")) {
    return new DirectoryInUse(
      `data directory ${dirname(file)} is in use by another exchange; stop that process or choose another data directory`,
    );
  }
  if (code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT")) {
    return new JournalError(`${file} is damaged, or no journal: ${message}. ${RESTORE}`);
  }
  if (code === "SQLITE_ERROR") {
    // Its tables are not ours.
    return new JournalError(`${file} is no journal of gridspot: ${message}. ${RESTORE}`);
  }
  if (code === "SQLITE_FULL" || code === "ENOSPC") {
    return new JournalError(
      `${file} cannot be written: the disk is full. Make room and start again.`,
    );
  }
  if (code.startsWith("SQLITE_READONLY") || code === "EROFS") {
    return new JournalError(
      `${file} cannot be written: it, or its disk, is read-only. Start on a data directory that can be written.`,
    );
  }
  return new JournalError(
    `${file} cannot be opened: ${message}. It must be a file that this user may read and write, on a disk with room.`,
  );
}
