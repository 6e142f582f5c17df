/** The follower as a worker thread with a core of its own. */
import { startErrandThread } from "#exchange/journal/errand-thread.ts";
import type { StartFollower } from "./follower.ts";

/** Starts a thread for one snapshot. */
export const startFollowerThread: StartFollower = (toSeq, run) =>
  startErrandThread(new URL("./follower-program.ts", import.meta.url), { toSeq }, run);
