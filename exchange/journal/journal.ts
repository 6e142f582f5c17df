/**
 * The journal's port: an append-only log of event batches with snapshots. It is the truth; all else
 * can be rebuilt from it. `journal.cases.ts` is the suite that every implementation passes.
 */
import type { Errand, ErrandResult, ErrandType } from "./errands.ts";

/** Events of one group commit, already encoded. Whole commands only: a batch is all there or not. */
export interface Batch {
  firstSeq: number;
  lastSeq: number;
  /** Time of its last event: tells when a batch was without decoding it. */
  atMs: number;
  events: Uint8Array;
}

/** A batch as it is stored. */
export interface ChainedBatch extends Batch {
  /** Number of the opening that wrote it. */
  epoch: number;
  prevHash: Uint8Array;
  hash: Uint8Array;
}

/** The whole state after event `seq`. */
export interface Snapshot {
  seq: number;
  bytes: Uint8Array;
}

/** What a journal held when it was opened. Read it before the first write, which ends the reading. */
export interface Recovered {
  /** The newest readable snapshot that was not passed over. */
  readonly snapshot: Snapshot | null;
  /** Every batch after that snapshot, or from where a read model stands if that is earlier. */
  readonly batches: Iterable<Batch>;
  /** Snapshots that could not be used, as sentences for the log; the replay is longer, nothing is lost. */
  readonly unreadable: readonly string[];
  /** Goes over to the snapshot before this one, or to none; `why` goes on from "snapshot of event 7". */
  passOver(why: string): void;
}

export interface Journal {
  readonly recovered: Recovered;
  /** Number of the last durable event; 0 when there is none. */
  readonly lastSeq: number;
  /**
   * Resolves when the batch would survive a power cut. One at a time; the batch must follow the last
   * one. Its bytes are the journal's from then on. After a rejection the journal writes nothing
   * more: the process must end.
   */
  append(batch: Batch): Promise<void>;
  /**
   * One at a time, between appends. A write rejects as `append` does, and then it is as final. A read
   * that fails by itself rejects with `JournalReadFailed`, and nothing else comes of it.
   */
  run<T extends ErrandType>(errand: Errand<T>): Promise<ErrandResult<T>>;
  close(): Promise<void>;
}

/** Why a journal could not be opened, read or written, in words that say what to do. */
export class JournalError extends Error {}
/** An errand could not read; the journal takes appends as before. */
export class JournalReadFailed extends JournalError {}
/** Another process has the data directory open. */
export class DirectoryInUse extends JournalError {}

export const SNAPSHOTS_KEPT = 2;
/** Largest encoded batch that is taken; whoever appends stays far below it. */
export const BATCH_BYTES_MAX = 64 * 1024 * 1024;

/** Throws unless `batch` may follow event `lastSeq`. */
export function checkBatch(batch: Batch, lastSeq: number): void {
  const { firstSeq, events } = batch;
  if (firstSeq !== lastSeq + 1) {
    throw new JournalError(
      `batch starts at event ${firstSeq}, the journal ends at ${lastSeq}; append what follows it`,
    );
  }
  if (batch.lastSeq < firstSeq) {
    throw new JournalError(`batch starts at event ${firstSeq} and ends at ${batch.lastSeq}`);
  }
  if (events.length === 0 || events.length > BATCH_BYTES_MAX) {
    throw new JournalError(
      `batch of events ${firstSeq} to ${batch.lastSeq} has ${events.length} bytes, expected 1 to ${BATCH_BYTES_MAX}`,
    );
  }
}

/** Throws unless event `seq`, of which a snapshot is to be stored, is durable in a journal that ends at `lastSeq`. */
export function checkSnapshotSeq(seq: number, lastSeq: number): void {
  if (seq > lastSeq) {
    throw new JournalError(
      `snapshot of event ${seq}, the journal ends at ${lastSeq}; append first`,
    );
  }
}

/** Why a journal that ends at `lastSeq` cannot be gone on with, when something built from it knows more. */
export function lostEnd(where: string, lastSeq: number, knownSeq: number): JournalError {
  return new JournalError(
    `${where} ends at event ${lastSeq}, but the read model knows event ${knownSeq}: the end of the journal was lost. Restore the newest backup; if there is none, move history.db away to go on without those events.`,
  );
}
