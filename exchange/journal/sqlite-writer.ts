/** The journal's writer thread: the only place that writes `journal.db`, one commit per message. */
import { parentPort, workerData } from "node:worker_threads";
import type { Batch, Snapshot } from "./journal.ts";
import { openSqliteStore } from "./sqlite-store.ts";

/** What the thread is told; each message is answered by one `WriterAnswer`, in order. */
export type WriterMessage =
  | { type: "append"; batch: Batch }
  | { type: "snapshot"; snapshot: Snapshot }
  | { type: "close" };
export type WriterAnswer = { ok: true } | { ok: false; message: string };

const port = parentPort;
if (port === null) throw new Error("sqlite-writer runs as a worker thread");
const store = openSqliteStore(workerData.file as string);
port.postMessage({ ok: true } satisfies WriterAnswer);

port.on("message", (message: WriterMessage) => {
  try {
    if (message.type === "append") store.append(message.batch);
    else if (message.type === "snapshot") store.saveSnapshot(message.snapshot);
    else store.close();
    port.postMessage({ ok: true } satisfies WriterAnswer);
  } catch (error) {
    port.postMessage({ ok: false, message: (error as Error).message } satisfies WriterAnswer);
  }
  if (message.type === "close") port.close();
});
