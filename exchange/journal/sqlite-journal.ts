/**
 * The default journal: `journal.db` in the data directory, read and proved here at start, then
 * written by one worker thread so that a sync never stops the event loop.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import { type Batch, type Journal, JournalError, lostEnd, type Recovered } from "./journal.ts";
import { openSqliteStore, type SqliteStore } from "./sqlite-store.ts";
import { startWriterThread, type WriterThread } from "./writer-thread.ts";

/** Encoded events whose chain is proved at every start, newest first; about a second's work. */
export const PROVE_BYTES = 256 * 1024 * 1024;

export interface SqliteJournalOptions {
  /** How much of the chain to prove at least; `Infinity` proves all of it. */
  proveBytes?: number;
  /** The state's encoding, as the core of this version writes it. */
  schemaVersion?: number;
}

/**
 * Opens the journal of a data directory. A read model that stands at `readModelSeq` gets every batch
 * after that, also those before the snapshot. The first write hands the file to the writer thread;
 * from then on `recovered` cannot be read. Throws `JournalError` when the directory is in use, and
 * when the journal is damaged, of another version, or ends before `readModelSeq`.
 */
export async function openSqliteJournal(
  dataDir: string,
  readModelSeq: number | null = null,
  { proveBytes = PROVE_BYTES, schemaVersion = SNAPSHOT_SCHEMA_VERSION }: SqliteJournalOptions = {},
): Promise<Journal> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, "journal.db");
  const store = openSqliteStore(file, { schemaVersion });
  try {
    const fromSeq = readModelSeq ?? Number.MAX_SAFE_INTEGER;
    store.prove({ fromSeq, bytes: proveBytes });
    if (readModelSeq !== null && readModelSeq > store.lastSeq) {
      throw lostEnd(file, store.lastSeq, readModelSeq);
    }
    return journalOver(file, store, { schemaVersion, fromSeq });
  } catch (error) {
    store.close();
    throw error;
  }
}

function journalOver(
  file: string,
  opened: SqliteStore,
  { schemaVersion, fromSeq }: { schemaVersion: number; fromSeq: number },
): Journal {
  let reading: SqliteStore | null = opened;
  let thread: WriterThread | null = null;
  let lastSeq = opened.lastSeq;
  let closed: Promise<void> | null = null;

  function writer(): WriterThread {
    if (closed !== null) throw new JournalError(`${file} is closed; nothing is written any more`);
    if (thread !== null) return thread;
    reading?.close();
    reading = null;
    thread = startWriterThread({ file, schemaVersion, continueEpoch: opened.epoch });
    // Answered before the write that follows it; when it fails, so does that write, in its words.
    thread.ask({ type: "open" }).catch(() => {});
    return thread;
  }

  return {
    recovered: recoveredFrom(opened, { fromSeq, isReading: () => reading !== null }),
    get lastSeq() {
      return lastSeq;
    },
    async append(batch) {
      await writer().ask({ type: "append", batch });
      lastSeq = batch.lastSeq;
    },
    async saveSnapshot(snapshot) {
      await writer().ask({ type: "snapshot", snapshot });
    },
    close() {
      reading?.close();
      reading = null;
      closed ??= thread === null ? Promise.resolve() : thread.ask({ type: "close" });
      return closed;
    },
  };
}

function recoveredFrom(
  store: SqliteStore,
  { fromSeq, isReading }: { fromSeq: number; isReading: () => boolean },
): Recovered {
  const unreadable: string[] = [];
  let snapshot = store.newestSnapshot(unreadable);
  const startSeq = Math.min(fromSeq, snapshot?.seq ?? 0);
  function* readBatches(): Generator<Batch> {
    if (!isReading()) throw new JournalError("read the journal before its first write");
    yield* store.batchesAfter(startSeq);
  }
  return {
    get snapshot() {
      // Its bytes may be many; whoever keeps the journal does not keep them.
      if (!isReading()) snapshot = null;
      return snapshot;
    },
    batches: { [Symbol.iterator]: readBatches },
    unreadable,
  };
}
