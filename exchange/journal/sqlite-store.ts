/**
 * The journal's tables in SQLite, synchronous: one row per batch, hash-chained, with the epoch of the
 * opening that wrote it, and snapshots beside them. The main thread reads with it at start, then the
 * writer thread writes with it; never both at once.
 */
import { dirname } from "node:path";
import type { OpenDatabase, SqliteDatabase } from "#exchange/database.ts";
import type { RunErrandNow } from "./errands.ts";
import { chainHash, FIRST_HASH } from "./hash-chain.ts";
import { type Batch, checkBatch, DirectoryInUse, JournalError } from "./journal.ts";
import { createSqliteContent, type SqliteContent } from "./sqlite-content.ts";
import { inWords, openExclusively } from "./sqlite-file.ts";

export interface SqliteStore {
  readonly lastSeq: number;
  /** Proves what comes after `fromSeq` and at least `bytes` of events; throws when the chain is broken. */
  prove(range: { fromSeq: number; bytes: number }): void;
  readonly content: SqliteContent;
  /** Begins a new epoch, and returns its number: whoever opened the file before may not go on. */
  claim(): number;
  /** Returns when the batch is synced to the disk. Only in an epoch of our own. */
  append(batch: Batch): void;
  /** Returns when what it writes is synced. */
  run: RunErrandNow;
  close(): void;
}

export interface SqliteStoreOptions {
  /** Goes on with an opening that another thread began, and refuses if the file saw another since. */
  continueEpoch?: number;
  openDatabase?: OpenDatabase | undefined;
}

/** Opens `journal.db` for this thread alone; throws `JournalError` in words when it cannot be. */
export function openSqliteStore(file: string, options: SqliteStoreOptions = {}): SqliteStore {
  const { continueEpoch } = options;
  const db = openExclusively(file, options.openDatabase);
  try {
    return storeOver(file, db, continueEpoch);
  } catch (error) {
    db.close();
    throw inWords(file, error as Error);
  }
}

function storeOver(file: string, db: SqliteDatabase, continueEpoch?: number): SqliteStore {
  const content = createSqliteContent(db);
  const last = content.newest();
  let epoch = continueEpoch;
  if (epoch !== undefined && storedEpoch(db) !== epoch) {
    throw new DirectoryInUse(
      `data directory ${dirname(file)} is in use by another exchange, which opened it just now`,
    );
  }
  let lastSeq = last?.lastSeq ?? 0;
  let lastHash = last?.hash ?? FIRST_HASH;

  return {
    get lastSeq() {
      return lastSeq;
    },
    prove(range) {
      const problem = content.problem(range);
      if (problem !== null) throw damaged(file, problem);
    },
    content,
    claim() {
      epoch = nextEpoch(db, last?.epoch ?? 0);
      return epoch;
    },
    append(batch) {
      checkBatch(batch, lastSeq);
      if (epoch === undefined) throw new JournalError(`append to ${file} before claim`);
      const chained = { ...batch, epoch, prevHash: lastHash };
      const hash = chainHash(chained);
      content.insert({ ...chained, hash });
      lastSeq = batch.lastSeq;
      lastHash = hash;
    },
    run: content.run,
    close: () => db.close(),
  };
}

function storedEpoch(db: SqliteDatabase): number {
  return db.prepare("SELECT value FROM meta WHERE name = 'epoch'").pluck().get() as number;
}

/** Higher than any before, also than those in the batches: each batch carries it. */
function nextEpoch(db: SqliteDatabase, writtenEpoch: number): number {
  db.prepare("UPDATE meta SET value = max(value, ?) + 1 WHERE name = 'epoch'").run(writtenEpoch);
  return storedEpoch(db);
}

function damaged(file: string, what: string): JournalError {
  return new JournalError(
    `${file} is damaged: ${what}. The exchange does not start on a journal it cannot prove; restore the last backup into the data directory and start again.`,
  );
}
