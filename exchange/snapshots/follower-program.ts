/** What runs in the follower's thread: the work of one snapshot, its errands sent to whoever started it. */
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { JournalError } from "#exchange/journal/journal.ts";
import type { FollowerMessage } from "./follower-thread.ts";
import { takeSnapshot } from "./snapshot-work.ts";

const port = parentPort;
if (port === null) throw new Error("follower-program.ts runs as a worker thread");
const say = (message: FollowerMessage) => port.postMessage(message);

try {
  const work = takeSnapshot((workerData as { toSeq: number }).toSeq);
  let step = work.next();
  while (step.done !== true) {
    const answer = once(port, "message");
    say({ type: "errand", errand: step.value });
    step = work.next((await answer)[0]);
  }
  say({ type: "done" });
} catch (error) {
  if (!(error instanceof JournalError)) throw error;
  say({ type: "unsound", message: error.message });
}
port.close();
