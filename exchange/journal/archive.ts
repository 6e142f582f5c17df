/**
 * A journal that is read and not written: a backup, or `journal.db` while no exchange runs on it. A
 * backup has the same tables, without a write-ahead log beside it, so the file can be moved freely.
 */
import { closeSync, fsyncSync, openSync } from "node:fs";
import Database from "better-sqlite3";
import { LOCK_WAIT_MS, openNativeDatabase } from "#exchange/database.ts";
import { createSqliteContent, type SqliteContent } from "./sqlite-content.ts";
import {
  foreignFormat,
  inWords,
  JOURNAL_FORMAT,
  JOURNAL_TABLES,
  NO_SNAPSHOTS,
} from "./sqlite-file.ts";

export interface Archive {
  readonly content: SqliteContent;
  close(): void;
}

/**
 * Opens a journal for reading: it stays as it is, its log as well, and no exchange can start on it
 * meanwhile. One of format 1 looks as if it had no snapshots. Throws `JournalError` in words.
 */
export function openArchive(file: string): Archive {
  let db: Database.Database | null = null;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: LOCK_WAIT_MS });
    db.exec("BEGIN");
    const format = db.pragma("user_version", { simple: true });
    // They hide the tables of the same name, for this connection alone.
    if (format === 1) db.exec(NO_SNAPSHOTS);
    else if (format !== JOURNAL_FORMAT) throw foreignFormat(file, format);
    return { content: createSqliteContent(db), close: () => void db?.close() };
  } catch (error) {
    db?.close();
    throw inWords(file, error as Error);
  }
}

/** Makes an empty one that can be filled; not safe from a crash before `seal`. */
export function createArchive(file: string): Archive & {
  /** Closes it, durable. */
  seal(): void;
} {
  const db = openNativeDatabase(file);
  // Filled once and synced once; a crash before that leaves a file that nobody uses.
  db.pragma("journal_mode = OFF");
  db.pragma("synchronous = OFF");
  db.exec(JOURNAL_TABLES);
  db.exec("BEGIN");
  return {
    content: createSqliteContent(db),
    seal() {
      db.exec("COMMIT");
      db.close();
      syncPath(file);
    },
    close: () => void db.close(),
  };
}

/** Syncs a file, or the names in a directory. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
