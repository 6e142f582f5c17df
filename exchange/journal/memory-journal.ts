/** A journal that forgets with its owner: for tests. What one instance wrote another can recover from. */
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import {
  type Errand,
  type ErrandMap,
  type ErrandType,
  finishNow,
  isRead,
  type RunErrandNow,
  type SnapshotHeader,
} from "./errands.ts";
import { chainHash, FIRST_HASH } from "./hash-chain.ts";
import {
  type Batch,
  type ChainedBatch,
  checkBatch,
  checkSnapshotSeq,
  type Journal,
  JournalError,
  lostEnd,
  SNAPSHOTS_KEPT,
} from "./journal.ts";
import { loadNewestSnapshot } from "./snapshot-storage.ts";

/** What survives between two memory journals. */
export interface MemoryStore {
  batches: ChainedBatch[];
  /** Newest first. */
  headers: SnapshotHeader[];
  /** Parts of each snapshot, by its event. */
  parts: Map<number, Uint8Array[]>;
}

export function createMemoryStore(): MemoryStore {
  return { batches: [], headers: [], parts: new Map() };
}

/** Opens a journal on what `store` holds; `readModelSeq` is where a read model stands. */
export function createMemoryJournal(
  store: MemoryStore = createMemoryStore(),
  readModelSeq: number | null = null,
): Journal {
  const unreadable: string[] = [];
  const errands = memoryErrands(store);
  const run: RunErrandNow = (errand) => errands[errand.type](errand as never) as never;
  const newestBefore = (seq: number) =>
    finishNow(loadNewestSnapshot(SNAPSHOT_SCHEMA_VERSION, unreadable, seq), run);
  let snapshot = newestBefore(Number.POSITIVE_INFINITY);
  let hasWritten = false;
  let failure: unknown = null;
  const lastSeq = () => store.batches.at(-1)?.lastSeq ?? 0;
  if (readModelSeq !== null && readModelSeq > lastSeq()) {
    throw lostEnd("the journal", lastSeq(), readModelSeq);
  }

  function* readBatches(): Generator<Batch> {
    if (hasWritten) throw new JournalError("read the journal before its first write");
    const fromSeq = Math.min(snapshot?.seq ?? 0, readModelSeq ?? Number.POSITIVE_INFINITY);
    yield* store.batches.filter((batch) => batch.lastSeq > fromSeq);
  }
  function obeyed<R>(act: () => R): R {
    hasWritten = true;
    if (failure !== null) throw failure;
    return act();
  }
  async function write<R>(change: () => R): Promise<R> {
    try {
      return obeyed(change);
    } catch (error) {
      failure = error;
      throw error;
    }
  }

  return {
    recovered: {
      get snapshot() {
        return snapshot;
      },
      batches: { [Symbol.iterator]: readBatches },
      unreadable,
      passOver(why) {
        if (snapshot === null) return;
        unreadable.push(`snapshot of event ${snapshot.seq} ${why}; passed over`);
        snapshot = newestBefore(snapshot.seq);
      },
    },
    get lastSeq() {
      return lastSeq();
    },
    append: (batch) =>
      write(() => {
        checkBatch(batch, lastSeq());
        const prevHash = store.batches.at(-1)?.hash ?? FIRST_HASH;
        const chained = { ...batch, events: Uint8Array.from(batch.events), epoch: 1, prevHash };
        store.batches.push({ ...chained, hash: chainHash(chained) });
      }),
    run: async (errand) => (isRead(errand) ? obeyed : write)(() => run(errand)),
    async close() {
      failure ??= new JournalError("the journal is closed; nothing is written any more");
    },
  };
}

type Errands = { [T in ErrandType]: (errand: Errand<T>) => ErrandMap[T]["result"] };

function memoryErrands(store: MemoryStore): Errands {
  return {
    "list-snapshots": () => store.headers,
    "read-snapshot-part": ({ seq, part }) => store.parts.get(seq)?.[part] ?? new Uint8Array(),
    "read-batches": ({ afterSeq }) =>
      store.batches.filter((batch) => batch.lastSeq > afterSeq).slice(0, 1),
    "save-snapshot-part": ({ seq, part, bytes }) => {
      checkSnapshotSeq(seq, store.batches.at(-1)?.lastSeq ?? 0);
      const parts = store.parts.get(seq) ?? [];
      parts[part] = Uint8Array.from(bytes);
      store.parts.set(seq, parts);
      return null;
    },
    "save-snapshot-header": ({ header }) => {
      store.headers = [header, ...store.headers.filter(({ seq }) => seq !== header.seq)];
      return null;
    },
    "prune-snapshots": () => {
      store.headers.splice(SNAPSHOTS_KEPT);
      const kept = new Set(store.headers.map(({ seq }) => seq));
      for (const seq of store.parts.keys()) if (!kept.has(seq)) store.parts.delete(seq);
      return { more: false };
    },
  };
}
