/** Where the work of a snapshot runs: the port, and the follower that runs it in turns of this thread. */
import type { Defer } from "#exchange/group-commit.ts";
import { finish, type RunErrand } from "#exchange/journal/errands.ts";
import { takeSnapshot } from "./snapshot-work.ts";

export interface Follower {
  /**
   * Resolves when the snapshot is stored. Rejects with `JournalError` when the journal cannot be
   * written or replayed, which is the end of the process; with another error when only the follower
   * failed, e.g. for want of memory.
   */
  readonly done: Promise<void>;
  /** Stops soon, whatever it was about; `done` may then stay as it is for ever. */
  abandon(): void;
}

/** Starts to take a snapshot of the state after event `toSeq`, which is durable. One at a time. */
export type StartFollower = (toSeq: number, run: RunErrand) => Follower;

/**
 * A follower without a thread, for tests and simulations: one piece per turn. The encoding is one
 * turn, however large the state, so an exchange uses `startFollowerThread`.
 */
export function followerInTurns(defer: Defer): StartFollower {
  return (toSeq, run) => {
    let isAbandoned = false;
    const runInTurn: RunErrand = async (errand) => {
      const result = await run(errand);
      await new Promise<void>((resolve) => defer(resolve));
      return result;
    };
    const done = finish(takeSnapshot(toSeq), runInTurn, () => isAbandoned).then(() => {});
    return {
      done,
      abandon() {
        isAbandoned = true;
      },
    };
  };
}
