/**
 * The default journal: `journal.db` in the data directory, read and proved here at start, then
 * written by one worker thread so that a sync never stops the event loop.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import type { OpenDatabase } from "#exchange/database.ts";
import { type Errand, finishNow } from "./errands.ts";
import { type Batch, type Journal, JournalError, lostEnd, type Recovered } from "./journal.ts";
import { loadNewestSnapshot } from "./snapshot-storage.ts";
import { inWords } from "./sqlite-file.ts";
import { openSqliteStore, type SqliteStore } from "./sqlite-store.ts";
import type { WriterData } from "./sqlite-writer.ts";
import { type JournalWriter, startWriterThread } from "./writer-thread.ts";

/** Encoded events whose chain is proved at every start, newest first; some tenths of a second's work. */
export const PROVE_BYTES = 64 * 1024 * 1024;

export interface SqliteJournalOptions {
  /** How much of the chain to prove at least; `Infinity` proves all of it. */
  proveBytes?: number;
  /** The state's encoding, as the core of this version writes it. */
  schemaVersion?: number;
  /** SQLite on something other than the machine's files; needs a writer that knows it too. */
  openDatabase?: OpenDatabase;
  startWriter?: (data: WriterData) => JournalWriter;
}

/**
 * Where a read model stands; a function is asked once the directory is ours, and gets the mark that
 * tells this journal from any other, null while it is empty.
 */
export type ReadModelSeq = number | null | ((journalMark: number | null) => number);

/**
 * Opens the journal of a data directory. A read model that stands at `readModelSeq` gets every batch
 * after that, also those before the snapshot. The first write hands the file to the writer thread;
 * from then on `recovered` cannot be read. Throws `JournalError` when the directory is in use, and
 * when the journal is damaged, of another version, or ends before `readModelSeq`.
 */
export async function openSqliteJournal(
  dataDir: string,
  readModelSeq: ReadModelSeq = null,
  options: SqliteJournalOptions = {},
): Promise<Journal> {
  const { proveBytes = PROVE_BYTES, schemaVersion = SNAPSHOT_SCHEMA_VERSION } = options;
  if (options.openDatabase === undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, "journal.db");
  const store = openSqliteStore(file, { openDatabase: options.openDatabase });
  try {
    const knownSeq =
      typeof readModelSeq === "function" ? readModelSeq(store.content.mark()) : readModelSeq;
    const fromSeq = knownSeq ?? Number.MAX_SAFE_INTEGER;
    store.prove({ fromSeq, bytes: proveBytes });
    if (knownSeq !== null && knownSeq > store.lastSeq) {
      throw lostEnd(file, store.lastSeq, knownSeq);
    }
    const epoch = store.claim();
    const startWriter = options.startWriter ?? startWriterThread;
    return journalOver(file, store, { epoch, schemaVersion, fromSeq, startWriter });
  } catch (error) {
    store.close();
    throw inWords(file, error as Error);
  }
}

function journalOver(
  file: string,
  opened: SqliteStore,
  {
    epoch,
    schemaVersion,
    fromSeq,
    startWriter,
  }: {
    epoch: number;
    schemaVersion: number;
    fromSeq: number;
    startWriter: (data: WriterData) => JournalWriter;
  },
): Journal {
  let reading: SqliteStore | null = opened;
  let writing: JournalWriter | null = null;
  let lastSeq = opened.lastSeq;
  let closed: Promise<void> | null = null;

  function writer(): JournalWriter {
    if (closed !== null) throw new JournalError(`${file} is closed; nothing is written any more`);
    if (writing !== null) return writing;
    reading?.close();
    reading = null;
    writing = startWriter({ file, continueEpoch: epoch });
    // Answered before the write that follows it; when it fails, so does that write, in its words.
    writing.ask({ type: "open" }).catch(() => {});
    return writing;
  }

  return {
    recovered: recoveredFrom(opened, {
      file,
      schemaVersion,
      fromSeq,
      isReading: () => reading !== null,
    }),
    get lastSeq() {
      return lastSeq;
    },
    async append(batch) {
      await writer().ask({ type: "append", batch });
      lastSeq = batch.lastSeq;
    },
    async run(errand) {
      return (await writer().ask({ type: "errand", errand: errand as Errand })) as never;
    },
    close() {
      reading?.close();
      reading = null;
      closed ??= (writing?.ask({ type: "close" }) ?? Promise.resolve()).then(() => {});
      return closed;
    },
  };
}

function recoveredFrom(
  store: SqliteStore,
  {
    file,
    schemaVersion,
    fromSeq,
    isReading,
  }: { file: string; schemaVersion: number; fromSeq: number; isReading: () => boolean },
): Recovered {
  const unreadable: string[] = [];
  const newestBefore = (seq: number) =>
    finishNow(loadNewestSnapshot(schemaVersion, unreadable, seq), store.run);
  let snapshot = newestBefore(Number.POSITIVE_INFINITY);
  const oldest = store.run({ type: "list-snapshots" }).at(-1);
  /** What follows was proved when the journal was opened. */
  let provedSeq = Math.min(fromSeq, oldest?.seq ?? 0);
  function* readBatches(): Generator<Batch> {
    if (!isReading()) throw new JournalError("read the journal before its first write");
    const startSeq = Math.min(fromSeq, snapshot?.seq ?? 0);
    try {
      if (startSeq < provedSeq) store.prove({ fromSeq: startSeq, bytes: 0 });
      provedSeq = Math.min(provedSeq, startSeq);
      yield* store.content.batchesAfter(startSeq);
    } catch (error) {
      throw inWords(file, error as Error);
    }
  }
  return {
    get snapshot() {
      // Its bytes may be many; whoever keeps the journal does not keep them.
      if (!isReading()) snapshot = null;
      return snapshot;
    },
    batches: { [Symbol.iterator]: readBatches },
    unreadable,
    passOver(why) {
      if (snapshot === null) return;
      unreadable.push(`snapshot of event ${snapshot.seq} ${why}; passed over`);
      snapshot = newestBefore(snapshot.seq);
    },
  };
}
