/** Work made of errands, run in a worker thread: the event loop only passes the errands on. */
import { Worker } from "node:worker_threads";
import { typeScriptFlags } from "#exchange/typescript-flags.ts";
import type { Errand, RunErrand } from "./errands.ts";
import { JournalError } from "./journal.ts";

/** What the thread says; only an errand is answered. */
export type ThreadMessage =
  | { type: "errand"; errand: Errand }
  | { type: "done"; result: unknown }
  /** Of a `JournalError`; any other ends the thread. */
  | { type: "failed"; message: string };

/** What came of an errand. */
export type ErrandAnswer = { ok: true; result: unknown } | { ok: false; message: string };

export interface ErrandThread<R> {
  /**
   * Rejects with what an errand rejected with, with `JournalError` as the work did, and with another
   * error when the thread failed.
   */
  readonly done: Promise<R>;
  /** Ends the thread, resolves when it is gone; `done` rejects if it had not ended. */
  abandon(): Promise<void>;
}

/**
 * Starts a thread that runs `program`, a module which calls `runInThread`, on `data`. It ends with
 * its work, and gives its memory back.
 */
export function startErrandThread<R>(program: URL, data: unknown, run: RunErrand): ErrandThread<R> {
  const worker = new Worker(program, {
    workerData: data,
    execArgv: typeScriptFlags(),
  });
  // It does not keep a process alive that has nothing else to do.
  worker.unref();
  const done = new Promise<R>((resolve, reject) => {
    const answer = (answered: ErrandAnswer) => worker.postMessage(answered);
    let refused: Error | null = null;
    worker.on("message", (message: ThreadMessage) => {
      if (message.type === "done") resolve(message.result as R);
      else if (message.type === "failed") reject(refused ?? new JournalError(message.message));
      else {
        run(message.errand).then(
          (result) => answer({ ok: true, result }),
          (error: Error) => {
            // The work cleans up and fails with these words; the error itself says more than they do.
            refused = error;
            answer({ ok: false, message: error.message });
          },
        );
      }
    });
    worker.on("error", (error) => reject(error));
    worker.on("exit", (code) => reject(new Error(`its thread ended with exit code ${code}`)));
  });
  return { done, abandon: () => worker.terminate().then(() => {}) };
}
