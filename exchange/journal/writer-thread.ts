/** The main thread's end of the writer thread: one promise per message, none left waiting for ever. */
import { Worker } from "node:worker_threads";
import { typeScriptFlags } from "#exchange/typescript-flags.ts";
import { JournalError, JournalReadFailed } from "./journal.ts";
import type { WriterAnswer, WriterData, WriterMessage } from "./sqlite-writer.ts";

/** The journal's hand on its writer. */
export interface JournalWriter {
  /**
   * Resolves when the writer did it, with an errand's result; rejects with `JournalError` when it
   * could not or died, with `JournalReadFailed` when only a read failed. May take the message's bytes away: the caller does not read them again.
   */
  ask(message: WriterMessage): Promise<unknown>;
}

/** Starts the thread; it touches no file before it is asked to `open`. */
export function startWriterThread(data: WriterData): JournalWriter {
  const worker = new Worker(new URL("./sqlite-writer-thread.ts", import.meta.url), {
    workerData: data,
    execArgv: typeScriptFlags(),
  });
  // An idle writer does not keep alive a process whose start failed; a write under way does.
  worker.unref();
  const waiting: { resolve: (result: unknown) => void; reject: (error: Error) => void }[] = [];
  let ended: JournalError | null = null;

  function end(why: string): void {
    ended ??= new JournalError(`the journal's writer thread ended: ${why}`);
    for (const { reject } of waiting.splice(0)) reject(ended);
  }
  worker.on("message", (answer: WriterAnswer) => {
    const first = waiting.shift();
    if (waiting.length === 0) worker.unref();
    if (answer.ok) first?.resolve(answer.result);
    else {
      const Failure = answer.isFinal ? JournalError : JournalReadFailed;
      first?.reject(new Failure(answer.message));
    }
  });
  worker.on("error", (error) => end((error as Error).message));
  worker.on("exit", (code) => end(`exit code ${code}`));

  return {
    ask(message) {
      return new Promise((resolve, reject) => {
        if (ended !== null) return reject(ended);
        worker.postMessage(message, transferable(message));
        waiting.push({ resolve, reject });
        worker.ref();
      });
    },
  };
}

/** Bytes that have a buffer of their own go over without a copy; small ones share one with others. */
function transferable(message: WriterMessage): ArrayBuffer[] {
  const bytes = bytesOf(message);
  if (bytes === null || !(bytes.buffer instanceof ArrayBuffer)) return [];
  return bytes.byteLength === bytes.buffer.byteLength ? [bytes.buffer] : [];
}

function bytesOf(message: WriterMessage): Uint8Array | null {
  if (message.type === "append") return message.batch.events;
  if (message.type !== "errand") return null;
  const { errand } = message;
  return errand.type === "save-snapshot-part" ? errand.bytes : null;
}
