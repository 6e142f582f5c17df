/**
 * The journal's tables in SQLite, synchronous: one row per batch, hash-chained, with the epoch of the
 * opening that wrote it, and snapshots beside them. The main thread reads with it at start, then the
 * writer thread writes with it; never both at once.
 */
import { dirname } from "node:path";
import type { OpenDatabase, SqliteDatabase } from "#exchange/database.ts";
import { type ChainedBatch, chainHash, chainProblem, FIRST_HASH, sha256 } from "./hash-chain.ts";
import {
  type Batch,
  checkBatch,
  checkSnapshot,
  JournalError,
  SNAPSHOTS_KEPT,
  type Snapshot,
} from "./journal.ts";
import { openExclusively } from "./sqlite-file.ts";

export interface SqliteStore {
  /** Number of this opening; each one counts up. */
  readonly epoch: number;
  readonly lastSeq: number;
  /** Proves what comes after `fromSeq` and at least `bytes` of events; throws when the chain is broken. */
  prove(range: { fromSeq: number; bytes: number }): void;
  /** The newest snapshot that can be read; what is wrong with newer ones goes to `unreadable`. */
  newestSnapshot(unreadable: string[]): Snapshot | null;
  /** Every batch with an event after `seq`. */
  batchesAfter(seq: number): Generator<Batch>;
  /** Returns when the batch is synced to the disk. */
  append(batch: Batch): void;
  saveSnapshot(snapshot: Snapshot): void;
  close(): void;
}

export interface SqliteStoreOptions {
  /** The state's encoding; a snapshot of another version is passed over. */
  schemaVersion: number;
  /** Goes on with an opening that another thread began, and refuses if the file saw another since. */
  continueEpoch?: number;
  openDatabase?: OpenDatabase | undefined;
}

const COLUMNS = `first_seq AS firstSeq, last_seq AS lastSeq, at_ms AS atMs, epoch,
  prev_hash AS prevHash, hash, events`;

/** Opens `journal.db` for this thread alone; throws `JournalError` in words when it cannot be. */
export function openSqliteStore(file: string, options: SqliteStoreOptions): SqliteStore {
  const { schemaVersion, continueEpoch } = options;
  const db = openExclusively(file, options.openDatabase);
  const epoch = continueEpoch ?? nextEpoch(db);
  if (storedEpoch(db) !== epoch) {
    db.close();
    throw new JournalError(
      `data directory ${dirname(file)} is in use by another exchange, which opened it just now`,
    );
  }
  const newestFirst = db.prepare<[], ChainedBatch>(
    `SELECT ${COLUMNS} FROM batches ORDER BY first_seq DESC`,
  );
  const last = newestFirst.get();
  let lastSeq = last?.lastSeq ?? 0;
  let lastHash = last?.hash ?? FIRST_HASH;

  const insert = db.prepare(
    `INSERT INTO batches (first_seq, last_seq, epoch, at_ms, prev_hash, hash, events)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertSnapshot = db.prepare("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)");
  const pruneSnapshots = db.prepare(
    "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)",
  );
  const replaceSnapshots = db.transaction(({ seq, bytes }: Snapshot) => {
    insertSnapshot.run(seq, schemaVersion, snapshotHash(seq, schemaVersion, bytes), bytes);
    pruneSnapshots.run(SNAPSHOTS_KEPT);
  });
  const snapshotSeqs = () =>
    db.prepare("SELECT seq FROM snapshots ORDER BY seq DESC").pluck().all() as number[];

  return {
    epoch,
    get lastSeq() {
      return lastSeq;
    },
    prove({ fromSeq, bytes }) {
      const seqs = snapshotSeqs();
      const newestSeq = seqs[0] ?? 0;
      if (newestSeq > lastSeq) {
        throw damaged(file, `events ${lastSeq + 1} to ${newestSeq} are missing at its end`);
      }
      // From the older snapshot on: it is what a damaged newer one falls back to.
      const provedFrom = Math.min(fromSeq, seqs.at(-1) ?? 0);
      const problem = chainProblem(newestFirst.iterate(), {
        fromSeq: provedFrom,
        proveBytes: bytes,
      });
      if (problem !== null) throw damaged(file, problem);
    },
    newestSnapshot(unreadable) {
      const read = db.prepare<[number], SnapshotRow>("SELECT * FROM snapshots WHERE seq = ?");
      for (const seq of snapshotSeqs()) {
        const row = read.get(seq) as SnapshotRow;
        const problem = snapshotProblem(row, schemaVersion);
        if (problem === null) return { seq, bytes: row.bytes };
        unreadable.push(problem);
      }
      return null;
    },
    *batchesAfter(seq) {
      const rows = db.prepare<[number, number], ChainedBatch>(
        `SELECT ${COLUMNS} FROM batches WHERE last_seq > ? AND first_seq >=
           (SELECT COALESCE(MAX(first_seq), 1) FROM batches WHERE first_seq <= ?)
         ORDER BY first_seq`,
      );
      for (const { firstSeq, lastSeq, atMs, events } of rows.iterate(seq, seq + 1)) {
        yield { firstSeq, lastSeq, atMs, events };
      }
    },
    append(batch) {
      checkBatch(batch, lastSeq);
      const { firstSeq, atMs, events } = batch;
      const hash = chainHash({ ...batch, epoch, prevHash: lastHash });
      insert.run(firstSeq, batch.lastSeq, epoch, atMs, lastHash, hash, events);
      lastSeq = batch.lastSeq;
      lastHash = hash;
    },
    saveSnapshot(snapshot) {
      checkSnapshot(snapshot, lastSeq);
      replaceSnapshots(snapshot);
    },
    close: () => db.close(),
  };
}

interface SnapshotRow {
  seq: number;
  schema_version: number;
  hash: Buffer;
  bytes: Buffer;
}

const snapshotHash = (seq: number, schemaVersion: number, bytes: Uint8Array) =>
  sha256(`${seq}|${schemaVersion}|`, bytes);

function snapshotProblem(row: SnapshotRow, schemaVersion: number): string | null {
  const { seq, bytes, hash } = row;
  if (!hash.equals(snapshotHash(seq, row.schema_version, bytes))) {
    return `snapshot of event ${seq} is damaged; passed over`;
  }
  return row.schema_version === schemaVersion
    ? null
    : `snapshot of event ${seq} has schema ${row.schema_version}, expected ${schemaVersion}; passed over`;
}

function storedEpoch(db: SqliteDatabase): number {
  return db.prepare("SELECT value FROM meta WHERE name = 'epoch'").pluck().get() as number;
}

function nextEpoch(db: SqliteDatabase): number {
  db.exec("UPDATE meta SET value = value + 1 WHERE name = 'epoch'");
  return storedEpoch(db);
}

function damaged(file: string, what: string): JournalError {
  return new JournalError(
    `${file} is damaged: ${what}. The exchange does not start on a journal it cannot prove; restore the last backup into the data directory and start again.`,
  );
}
