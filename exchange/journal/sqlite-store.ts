/**
 * The journal's tables in SQLite, synchronous: one row per batch, hash-chained, with the epoch of the
 * process that wrote it. Only the writer thread uses this, and recovery before that thread starts.
 */
import { createHash } from "node:crypto";
import { chmodSync } from "node:fs";
import Database from "better-sqlite3";
import { type Batch, JournalError, SNAPSHOTS_KEPT, type Snapshot } from "./journal.ts";

/** Wait for another process to let go of the file, e.g. one that is just closing. */
const LOCK_WAIT_MS = 500;
const FIRST_HASH = Buffer.alloc(32);

interface BatchRow {
  first_seq: number;
  last_seq: number;
  epoch: number;
  hash: Buffer;
  events: Buffer;
}

export interface SqliteStore {
  readonly epoch: number;
  readonly lastSeq: number;
  /** Verifies the whole chain, then yields the batches after `seq`. */
  batchesAfter(seq: number): Generator<Batch>;
  newestSnapshot(): Snapshot | null;
  append(batch: Batch): void;
  saveSnapshot(snapshot: Snapshot): void;
  close(): void;
}

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function chained(previous: Uint8Array, epoch: number, batch: Batch): Buffer {
  const head = Buffer.from(`${epoch}|${batch.firstSeq}|${batch.lastSeq}|`);
  return sha256(previous, head, batch.events);
}

/** Opens `<dir>/journal.db` for this process alone. */
export function openSqliteStore(file: string): SqliteStore {
  const db = openExclusively(file);
  db.exec(`
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS batches (
      first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
      hash BLOB NOT NULL, events BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS snapshots (
      seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
    INSERT INTO meta VALUES ('epoch', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1;
  `);
  const epoch = db.prepare("SELECT value FROM meta WHERE name = 'epoch'").pluck().get() as number;
  const last = db.prepare("SELECT * FROM batches ORDER BY first_seq DESC LIMIT 1").get() as
    | BatchRow
    | undefined;
  let lastSeq = last?.last_seq ?? 0;
  let lastHash: Uint8Array = last?.hash ?? FIRST_HASH;
  const insert = db.prepare("INSERT INTO batches VALUES (?, ?, ?, ?, ?)");
  const insertSnapshot = db.prepare("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)");
  const pruneSnapshots = db.prepare(
    "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)",
  );
  return {
    epoch,
    get lastSeq() {
      return lastSeq;
    },
    *batchesAfter(seq) {
      let hash: Uint8Array = FIRST_HASH;
      let expected = 1;
      const rows = db.prepare("SELECT * FROM batches ORDER BY first_seq").iterate();
      for (const row of rows as IterableIterator<BatchRow>) {
        const batch = { firstSeq: row.first_seq, lastSeq: row.last_seq, events: row.events };
        if (row.first_seq !== expected) {
          throw damaged(
            file,
            `event ${expected} is missing, the next batch starts at ${row.first_seq}`,
          );
        }
        hash = chained(hash, row.epoch, batch);
        if (!row.hash.equals(hash)) {
          throw damaged(
            file,
            `the batch of events ${row.first_seq} to ${row.last_seq} was altered`,
          );
        }
        expected = row.last_seq + 1;
        if (row.last_seq > seq) yield batch;
      }
    },
    newestSnapshot() {
      const rows = db.prepare("SELECT * FROM snapshots ORDER BY seq DESC").all() as {
        seq: number;
        hash: Buffer;
        bytes: Buffer;
      }[];
      // An unreadable snapshot costs time, not data: the older one and a longer replay do.
      const good = rows.find((row) => row.seq <= lastSeq && sha256(row.bytes).equals(row.hash));
      return good === undefined ? null : { seq: good.seq, bytes: good.bytes };
    },
    append(batch) {
      if (batch.firstSeq !== lastSeq + 1) {
        throw new JournalError(`batch starts at ${batch.firstSeq}, the journal ends at ${lastSeq}`);
      }
      const hash = chained(lastHash, epoch, batch);
      insert.run(batch.firstSeq, batch.lastSeq, epoch, hash, batch.events);
      lastSeq = batch.lastSeq;
      lastHash = hash;
    },
    saveSnapshot(snapshot) {
      insertSnapshot.run(snapshot.seq, sha256(snapshot.bytes), snapshot.bytes);
      pruneSnapshots.run(SNAPSHOTS_KEPT);
    },
    close: () => db.close(),
  };
}

function openExclusively(file: string): Database.Database {
  let db: Database.Database;
  try {
    db = new Database(file, { timeout: LOCK_WAIT_MS });
    chmodSync(file, 0o600);
    db.pragma("locking_mode = EXCLUSIVE");
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    // The lock is taken by the first write, not by the pragma.
    db.exec("BEGIN EXCLUSIVE; COMMIT");
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (code.startsWith("SQLITE_BUSY")) {
      throw new JournalError(
        `${file} is in use by another exchange; stop that process or choose another data directory`,
      );
    }
    if (code === "SQLITE_NOTADB" || code === "SQLITE_CORRUPT") {
      throw damaged(file, (error as Error).message);
    }
    throw new JournalError(`${file} cannot be opened: ${(error as Error).message}`);
  }
  return db;
}

function damaged(file: string, what: string): JournalError {
  return new JournalError(
    `${file} is damaged: ${what}. The exchange does not start on a journal it cannot prove; restore the last backup into the data directory and start again.`,
  );
}
