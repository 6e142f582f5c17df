/** The follower as a worker thread with a core of its own: the event loop only passes its errands on. */
import { Worker } from "node:worker_threads";
import type { Errand } from "#exchange/journal/errands.ts";
import { JournalError } from "#exchange/journal/journal.ts";
import type { StartFollower } from "./follower.ts";

/** What the thread says; only an errand is answered, with its result. */
export type FollowerMessage =
  | { type: "errand"; errand: Errand }
  | { type: "done" }
  | { type: "unsound"; message: string };

/** Starts a thread for one snapshot. It ends with it, and gives its memory back. */
export const startFollowerThread: StartFollower = (toSeq, run) => {
  const worker = new Worker(new URL("./follower-program.ts", import.meta.url), {
    workerData: { toSeq },
    execArgv: ["--import", import.meta.resolve("tsx")],
  });
  // It does not keep a process alive that has nothing else to do.
  worker.unref();
  const done = new Promise<void>((resolve, reject) => {
    worker.on("message", (message: FollowerMessage) => {
      if (message.type === "done") resolve();
      else if (message.type === "unsound") reject(new JournalError(message.message));
      else run(message.errand).then((result) => worker.postMessage(result), reject);
    });
    worker.on("error", (error) =>
      reject(new Error(`snapshot thread: ${(error as Error).message}`)),
    );
    worker.on("exit", (code) => reject(new Error(`snapshot thread: exit code ${code}`)));
  });
  return { done, abandon: () => void worker.terminate() };
};
