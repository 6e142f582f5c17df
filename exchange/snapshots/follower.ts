/** Where the work of a snapshot runs: the port, and the follower that runs it in turns of this thread. */
import type { Defer } from "#exchange/group-commit.ts";
import { finish, type RunErrand } from "#exchange/journal/errands.ts";
import { takeSnapshot } from "./snapshot-work.ts";

export interface Follower {
  /**
   * Resolves with nothing when the snapshot is stored, and with what is wrong with the journal, as
   * sentences, when it gives no sound state. Rejects as `Journal.run` does, and with another error
   * when only the follower failed, e.g. for want of memory.
   */
  readonly done: Promise<readonly string[]>;
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
    const work = finish(takeSnapshot(toSeq), runInTurn, () => isAbandoned);
    const done = work.then((problems) => problems ?? []);
    return {
      done,
      abandon() {
        isAbandoned = true;
      },
    };
  };
}
