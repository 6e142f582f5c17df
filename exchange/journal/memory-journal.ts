/** A journal that forgets with its owner: for tests. What one instance wrote another can recover from. */
import {
  type Batch,
  checkBatch,
  checkSnapshot,
  type Journal,
  JournalError,
  lostEnd,
  SNAPSHOTS_KEPT,
  type Snapshot,
} from "./journal.ts";

/** What survives between two memory journals. */
export interface MemoryStore {
  batches: Batch[];
  snapshots: Snapshot[];
}

export function createMemoryStore(): MemoryStore {
  return { batches: [], snapshots: [] };
}

/** Opens a journal on what `store` holds; `readModelSeq` is where a read model stands. */
export function createMemoryJournal(
  store: MemoryStore = createMemoryStore(),
  readModelSeq: number | null = null,
): Journal {
  const snapshot = store.snapshots.at(-1) ?? null;
  const fromSeq = Math.min(snapshot?.seq ?? 0, readModelSeq ?? Number.POSITIVE_INFINITY);
  let lastSeq = store.batches.at(-1)?.lastSeq ?? 0;
  let hasWritten = false;
  let failure: unknown = null;
  if (readModelSeq !== null && readModelSeq > lastSeq) {
    throw lostEnd("the journal", lastSeq, readModelSeq);
  }

  function* readBatches(): Generator<Batch> {
    if (hasWritten) throw new JournalError("read the journal before its first write");
    yield* store.batches.filter((batch) => batch.lastSeq > fromSeq);
  }
  async function write(change: () => void): Promise<void> {
    hasWritten = true;
    if (failure !== null) throw failure;
    try {
      change();
    } catch (error) {
      failure = error;
      throw error;
    }
  }

  return {
    recovered: { snapshot, batches: { [Symbol.iterator]: readBatches }, unreadable: [] },
    get lastSeq() {
      return lastSeq;
    },
    append: (batch) =>
      write(() => {
        checkBatch(batch, lastSeq);
        store.batches.push({ ...batch, events: Uint8Array.from(batch.events) });
        lastSeq = batch.lastSeq;
      }),
    saveSnapshot: (next) =>
      write(() => {
        checkSnapshot(next, lastSeq);
        store.snapshots = store.snapshots.filter((kept) => kept.seq !== next.seq);
        store.snapshots.push({ ...next, bytes: Uint8Array.from(next.bytes) });
        store.snapshots = store.snapshots.slice(-SNAPSHOTS_KEPT);
      }),
    async close() {
      failure ??= new JournalError("the journal is closed; nothing is written any more");
    },
  };
}
