/** What runs in the follower's thread: the work of one snapshot. */
import { runInThread } from "#exchange/journal/errand-program.ts";
import { takeSnapshot } from "./snapshot-work.ts";

await runInThread(({ toSeq }: { toSeq: number }) => takeSnapshot(toSeq));
