/** The inside of an errand thread: runs its work, and sends the errands to whoever started it. */
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { ErrandAnswer, ThreadMessage } from "./errand-thread.ts";
import type { ErrandWork } from "./errands.ts";
import { JournalError } from "./journal.ts";

/** Of 19, the most: whoever answers requests gets the core first. */
const NICENESS = 10;

/** Steps behind the threads that serve. Linux gives each thread a number and a priority of its own. */
function stepBack(): void {
  try {
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), NICENESS);
  } catch {
    // Elsewhere it competes with the others as the system sees fit.
  }
}

/** Runs the work that `begin` makes of the thread's data; the whole program of such a thread. */
export async function runInThread<D, R>(begin: (data: D) => ErrandWork<R>): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error("runs as a worker thread only");
  stepBack();
  const say = (message: ThreadMessage) => port.postMessage(message);
  try {
    const work = begin(workerData as D);
    let step = work.next();
    while (step.done !== true) {
      const answer = once(port, "message");
      say({ type: "errand", errand: step.value });
      const answered = (await answer)[0] as ErrandAnswer;
      step = answered.ok
        ? work.next(answered.result)
        : work.throw(new JournalError(answered.message));
    }
    say({ type: "done", result: step.value });
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    say({ type: "failed", message: error.message });
  }
  port.close();
}
