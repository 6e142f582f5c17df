/** The journal's writer as a worker thread, so that a sync never stops the event loop. */
import { parentPort, workerData } from "node:worker_threads";
import { type OpenDatabase, openNativeDatabase } from "#exchange/database.ts";
import { createSqliteWriter, type WriterData, type WriterMessage } from "./sqlite-writer.ts";

const port = parentPort;
if (port === null) throw new Error("sqlite-writer-thread.ts runs as a worker thread");
/**
 * Between the opening at start and this one another process may look at the file, and give it up when
 * it sees that the read model is ours. Nobody waits for this thread's turn of anything else.
 */
const LOCK_WAIT_MS = 10_000;
const openDatabase: OpenDatabase = (file) => {
  const db = openNativeDatabase(file);
  db.pragma(`busy_timeout = ${LOCK_WAIT_MS}`);
  return db;
};
const writer = createSqliteWriter({ ...(workerData as WriterData), openDatabase });

port.on("message", (message: WriterMessage) => {
  port.postMessage(writer.answer(message));
  if (message.type === "close") port.close();
});
