/** The journal's writer as a worker thread, so that a sync never stops the event loop. */
import { parentPort, workerData } from "node:worker_threads";
import { createSqliteWriter, type WriterData, type WriterMessage } from "./sqlite-writer.ts";

const port = parentPort;
if (port === null) throw new Error("sqlite-writer-thread.ts runs as a worker thread");
const writer = createSqliteWriter(workerData as WriterData);

port.on("message", (message: WriterMessage) => {
  port.postMessage(writer.answer(message));
  if (message.type === "close") port.close();
});
