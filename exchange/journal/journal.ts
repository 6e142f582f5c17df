/**
 * The journal's port: an append-only log of event batches with snapshots. It is the truth; all else
 * can be rebuilt from it. `journal.cases.ts` is the suite that every implementation passes.
 */

/** Events of one group commit, already encoded. */
export interface Batch {
  firstSeq: number;
  lastSeq: number;
  events: Uint8Array;
}

export interface Snapshot {
  seq: number;
  bytes: Uint8Array;
}

/** What a journal held when it was opened: the newest readable snapshot and every batch after it. */
export interface Recovered {
  snapshot: Snapshot | null;
  batches: Iterable<Batch>;
}

export interface Journal {
  /** What was there at opening; read it before the first append. */
  readonly recovered: Recovered;
  /** Resolves when the batch is durable. One at a time; the batch must follow the last one. */
  append(batch: Batch): Promise<void>;
  /** Keeps a snapshot beside the batches; the two newest are kept. */
  saveSnapshot(snapshot: Snapshot): Promise<void>;
  close(): Promise<void>;
}

/** Why a journal could not be opened or written, in words that say what to do. */
export class JournalError extends Error {}

export const SNAPSHOTS_KEPT = 2;
/** Largest encoded batch; the shell splits what is larger. */
export const BATCH_BYTES_MAX = 16 * 1024 * 1024;
