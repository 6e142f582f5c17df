/**
 * The journal's tables in SQLite, synchronous: one row per batch, hash-chained, with the epoch of the
 * opening that wrote it, and snapshots beside them. The main thread reads with it at start, then the
 * writer thread writes with it; never both at once.
 */
import { dirname } from "node:path";
import type { OpenDatabase, SqliteDatabase } from "#exchange/database.ts";
import {
  type Errand,
  type ErrandResult,
  type ErrandType,
  PIECE_BYTES,
  type RunErrandNow,
} from "./errands.ts";
import { chainHash, chainProblem, FIRST_HASH } from "./hash-chain.ts";
import {
  type Batch,
  type ChainedBatch,
  checkBatch,
  checkSnapshotSeq,
  JournalError,
} from "./journal.ts";
import { openExclusively } from "./sqlite-file.ts";
import { createSqliteSnapshots } from "./sqlite-snapshots.ts";

export interface SqliteStore {
  /** Number of this opening; each one counts up. */
  readonly epoch: number;
  readonly lastSeq: number;
  /** Proves what comes after `fromSeq` and at least `bytes` of events; throws when the chain is broken. */
  prove(range: { fromSeq: number; bytes: number }): void;
  /** Every batch with an event after `seq`. */
  batchesAfter(seq: number): Generator<ChainedBatch>;
  /** Returns when the batch is synced to the disk. */
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

const COLUMNS = `first_seq AS firstSeq, last_seq AS lastSeq, at_ms AS atMs, epoch,
  prev_hash AS prevHash, hash, events`;

/** Opens `journal.db` for this thread alone; throws `JournalError` in words when it cannot be. */
export function openSqliteStore(file: string, options: SqliteStoreOptions = {}): SqliteStore {
  const { continueEpoch } = options;
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
  const readAfter = db.prepare<[number, number], ChainedBatch>(
    `SELECT ${COLUMNS} FROM batches WHERE last_seq > ? AND first_seq >=
       (SELECT COALESCE(MAX(first_seq), 1) FROM batches WHERE first_seq <= ?)
     ORDER BY first_seq`,
  );
  const snapshots = createSqliteSnapshots(db);

  const errands: { [T in ErrandType]: (errand: Errand<T>) => ErrandResult<T> } = {
    "list-snapshots": () => snapshots.list(),
    "read-snapshot-part": ({ seq, part }) => snapshots.readPart(seq, part),
    "read-batches": ({ afterSeq }) => {
      const batches: ChainedBatch[] = [];
      let bytes = 0;
      for (const batch of readAfter.iterate(afterSeq, afterSeq + 1)) {
        if (bytes > 0 && bytes + batch.events.length > PIECE_BYTES) break;
        bytes += batch.events.length;
        batches.push(batch);
      }
      return batches;
    },
    "save-snapshot-part": ({ seq, part, bytes }) => {
      checkSnapshotSeq(seq, lastSeq);
      snapshots.savePart(seq, part, bytes);
      return null;
    },
    "save-snapshot-header": ({ header }) => {
      snapshots.saveHeader(header);
      return null;
    },
    "prune-snapshots": () => ({ more: snapshots.prune() }),
  };

  return {
    epoch,
    get lastSeq() {
      return lastSeq;
    },
    prove({ fromSeq, bytes }) {
      const seqs = snapshots.list().map(({ seq }) => seq);
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
    *batchesAfter(seq) {
      yield* readAfter.iterate(seq, seq + 1);
    },
    append(batch) {
      checkBatch(batch, lastSeq);
      const { firstSeq, atMs, events } = batch;
      const hash = chainHash({ ...batch, epoch, prevHash: lastHash });
      insert.run(firstSeq, batch.lastSeq, epoch, atMs, lastHash, hash, events);
      lastSeq = batch.lastSeq;
      lastHash = hash;
    },
    run: (errand) => errands[errand.type](errand as never) as never,
    close: () => db.close(),
  };
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
