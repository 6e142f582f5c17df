/** Work made of errands, run in a worker thread: the event loop only passes the errands on. */
import { Worker } from "node:worker_threads";
import type { Errand, RunErrand } from "./errands.ts";
import { JournalError } from "./journal.ts";

/** What the thread says; only an errand is answered, with its result. */
export type ThreadMessage =
  | { type: "errand"; errand: Errand }
  | { type: "done"; result: unknown }
  /** Of a `JournalError`; any other ends the thread. */
  | { type: "failed"; message: string };

export interface ErrandThread<R> {
  /** Rejects with `JournalError` as the work did, with another error when the thread failed. */
  readonly done: Promise<R>;
  /** Ends the thread; `done` may then stay as it is for ever. */
  abandon(): void;
}

/**
 * Starts a thread that runs `program`, a module which calls `runInThread`, on `data`. It ends with
 * its work, and gives its memory back.
 */
export function startErrandThread<R>(program: URL, data: unknown, run: RunErrand): ErrandThread<R> {
  const worker = new Worker(program, {
    workerData: data,
    // Resolved from here, not from wherever the process was started.
    execArgv: ["--import", import.meta.resolve("tsx")],
  });
  // It does not keep a process alive that has nothing else to do.
  worker.unref();
  const done = new Promise<R>((resolve, reject) => {
    worker.on("message", (message: ThreadMessage) => {
      if (message.type === "done") resolve(message.result as R);
      else if (message.type === "failed") reject(new JournalError(message.message));
      else run(message.errand).then((result) => worker.postMessage(result), reject);
    });
    worker.on("error", (error) => reject(error));
    worker.on("exit", (code) => reject(new Error(`its thread ended with exit code ${code}`)));
  });
  return { done, abandon: () => void worker.terminate() };
}
