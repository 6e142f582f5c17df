/**
 * The default journal: `journal.db` in the data directory, written by one worker thread so that a
 * sync never stops the event loop. WAL with synchronous=FULL: a commit that returned is on disk.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type Batch, type Journal, JournalError, type Snapshot } from "./journal.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import type { WriterAnswer, WriterMessage } from "./sqlite-writer.ts";

/**
 * Opens the journal of a data directory; throws `JournalError` when it is in use or damaged. A read
 * model that stands at `readModelSeq` gets every batch after that, also those before the snapshot.
 */
export async function openSqliteJournal(
  dataDir: string,
  readModelSeq = Number.MAX_SAFE_INTEGER,
): Promise<Journal> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, "journal.db");
  const recovered = readAll(file, readModelSeq);
  const writer = await startWriter(file);
  return {
    recovered,
    append: (batch) => writer.ask({ type: "append", batch }),
    saveSnapshot: (snapshot) => writer.ask({ type: "snapshot", snapshot }),
    close: () => writer.ask({ type: "close" }),
  };
}

/** Reads and proves the journal before the writer takes it over. */
function readAll(
  file: string,
  readModelSeq: number,
): { snapshot: Snapshot | null; batches: Batch[] } {
  const store = openSqliteStore(file);
  try {
    const snapshot = store.newestSnapshot();
    return {
      snapshot,
      batches: [...store.batchesAfter(Math.min(snapshot?.seq ?? 0, readModelSeq))],
    };
  } finally {
    store.close();
  }
}

async function startWriter(file: string): Promise<{ ask(message: WriterMessage): Promise<void> }> {
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const worker = new Worker(new URL("./sqlite-writer.ts", import.meta.url), {
    workerData: { file },
    // Resolved from here, not from wherever the process was started.
    execArgv: ["--import", import.meta.resolve("tsx")],
  });
  let failure: Error | null = null;
  worker.on("message", (answer: WriterAnswer) => {
    const first = waiting.shift();
    if (answer.ok) first?.resolve();
    else first?.reject(new JournalError(answer.message));
  });
  worker.on("error", (error) => {
    failure = new JournalError(`the journal's writer failed: ${error.message}`);
    for (const { reject } of waiting.splice(0)) reject(failure);
  });
  const answered = () =>
    new Promise<void>((resolve, reject) => {
      if (failure !== null) reject(failure);
      else waiting.push({ resolve, reject });
    });
  await answered();
  return {
    ask(message) {
      worker.postMessage(message);
      return answered();
    },
  };
}
