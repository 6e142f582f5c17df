/** What stands in the tables of a journal, live or backed up: the reading side, and its proof. */
import type { SqliteDatabase } from "#exchange/database.ts";
import {
  type Errand,
  type ErrandResult,
  type ErrandType,
  PIECE_BYTES,
  type RunErrandNow,
} from "./errands.ts";
import { chainProblem } from "./hash-chain.ts";
import { type ChainedBatch, checkSnapshotSeq } from "./journal.ts";
import { createSqliteSnapshots } from "./sqlite-snapshots.ts";

export interface SqliteContent {
  /** The last batch. */
  newest(): ChainedBatch | null;
  /** Tells journals apart: 48 bits of the first batch's hash; null while there is none. */
  mark(): number | null;
  /** Every batch with an event after `seq`, oldest first. */
  batchesAfter(seq: number): Generator<ChainedBatch>;
  run: RunErrandNow;
  /** Writes a batch with the hash it already has. */
  insert(batch: ChainedBatch): void;
  /** Number of the last opening; a copy has that of its last batch. */
  setEpoch(epoch: number): void;
  /**
   * What is wrong with what comes after `fromSeq` and at least `bytes` of events, as words, or null.
   * Reaches back to the older snapshot: a damaged newer one falls back to it.
   */
  problem(range: { fromSeq: number; bytes: number }): string | null;
}

const COLUMNS = `first_seq AS firstSeq, last_seq AS lastSeq, at_ms AS atMs, epoch,
  prev_hash AS prevHash, hash, events`;

export function createSqliteContent(db: SqliteDatabase): SqliteContent {
  const snapshots = createSqliteSnapshots(db);
  const newestFirst = db.prepare<[], ChainedBatch>(
    `SELECT ${COLUMNS} FROM batches ORDER BY first_seq DESC`,
  );
  const after = db.prepare<[number, number], ChainedBatch>(
    `SELECT ${COLUMNS} FROM batches WHERE last_seq > ? AND first_seq >=
       (SELECT COALESCE(MAX(first_seq), 1) FROM batches WHERE first_seq <= ?)
     ORDER BY first_seq`,
  );
  const firstHash = db.prepare("SELECT hash FROM batches ORDER BY first_seq LIMIT 1").pluck();
  const insert = db.prepare(
    `INSERT INTO batches (first_seq, last_seq, epoch, at_ms, prev_hash, hash, events)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );

  const lastSeq = () => newestFirst.get()?.lastSeq ?? 0;

  const errands: { [T in ErrandType]: (errand: Errand<T>) => ErrandResult<T> } = {
    "list-snapshots": () => snapshots.list(),
    "read-snapshot-part": ({ seq, part }) => snapshots.readPart(seq, part),
    "read-batches": ({ afterSeq }) => {
      const batches: ChainedBatch[] = [];
      let bytes = 0;
      for (const batch of after.iterate(afterSeq, afterSeq + 1)) {
        if (bytes > 0 && bytes + batch.events.length > PIECE_BYTES) break;
        bytes += batch.events.length;
        batches.push(batch);
      }
      return batches;
    },
    "save-snapshot-part": ({ seq, part, bytes }) => {
      checkSnapshotSeq(seq, lastSeq());
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
    run: (errand) => errands[errand.type](errand as never) as never,
    mark() {
      const hash = firstHash.get() as Buffer | undefined;
      return hash === undefined ? null : Buffer.from(hash).readUIntBE(0, 6);
    },
    newest: () => newestFirst.get() ?? null,
    *batchesAfter(seq) {
      yield* after.iterate(seq, seq + 1);
    },
    insert({ firstSeq, lastSeq, epoch, atMs, prevHash, hash, events }) {
      insert.run(firstSeq, lastSeq, epoch, atMs, prevHash, hash, events);
    },
    setEpoch(epoch) {
      db.prepare("UPDATE meta SET value = ? WHERE name = 'epoch'").run(epoch);
    },
    problem({ fromSeq, bytes }) {
      const seqs = snapshots.list().map(({ seq }) => seq);
      const newestSeq = seqs[0] ?? 0;
      const lastSeq = newestFirst.get()?.lastSeq ?? 0;
      if (newestSeq > lastSeq)
        return `events ${lastSeq + 1} to ${newestSeq} are missing at its end`;
      const range = { fromSeq: Math.min(fromSeq, seqs.at(-1) ?? 0), proveBytes: bytes };
      return chainProblem(newestFirst.iterate(), range);
    },
  };
}
