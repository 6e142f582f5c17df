/** A journal that forgets with its owner: for tests. What one instance wrote another can recover from. */
import type { Batch, Journal, Recovered, Snapshot } from "./journal.ts";
import { JournalError, SNAPSHOTS_KEPT } from "./journal.ts";

/** What survives between two memory journals. */
export interface MemoryStore {
  batches: Batch[];
  snapshots: Snapshot[];
}

export function createMemoryStore(): MemoryStore {
  return { batches: [], snapshots: [] };
}

export function createMemoryJournal(store: MemoryStore = createMemoryStore()): Journal {
  const snapshot = store.snapshots.at(-1) ?? null;
  const recovered: Recovered = {
    snapshot,
    batches: store.batches.filter((batch) => batch.firstSeq > (snapshot?.seq ?? 0)),
  };
  let lastSeq = store.batches.at(-1)?.lastSeq ?? 0;
  return {
    recovered,
    async append(batch) {
      if (batch.firstSeq !== lastSeq + 1) {
        throw new JournalError(`batch starts at ${batch.firstSeq}, the journal ends at ${lastSeq}`);
      }
      store.batches.push({ ...batch, events: Uint8Array.from(batch.events) });
      lastSeq = batch.lastSeq;
    },
    async saveSnapshot(next) {
      store.snapshots.push({ ...next, bytes: Uint8Array.from(next.bytes) });
      store.snapshots.splice(0, store.snapshots.length - SNAPSHOTS_KEPT);
    },
    async close() {},
  };
}
