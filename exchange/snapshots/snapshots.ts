/**
 * When snapshots are taken: every so many events, by a follower beside the live core, one at a time;
 * and a last one when the exchange stops, if that takes no longer than it may.
 */
import type { Core } from "#exchange/core/core-port.ts";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { finish } from "#exchange/journal/errands.ts";
import { type Journal, JournalError } from "#exchange/journal/journal.ts";
import { storeSnapshot } from "#exchange/journal/snapshot-storage.ts";
import type { Ticker } from "#exchange/journaled-shell.ts";
import type { Follower, StartFollower } from "./follower.ts";

export interface SnapshotOptions {
  /** Events between two snapshots; a start replays about so many at most. */
  eventsPerSnapshot: number;
  /** How long a stop may wait for its snapshot. */
  snapshotAtStopMsMax: number;
  /** A larger state is not encoded at a stop: that cannot be interrupted. */
  stateRowsAtStopMax: number;
}

export interface SnapshotDependencies {
  core: Pick<Core, "state" | "snapshot">;
  journal: Journal;
  startFollower: StartFollower;
  ticker: Ticker;
  /** The journal failed: the process must end. */
  onFatal: (error: Error) => void;
  /** There is no new snapshot, for this reason; the next start takes longer. */
  onMissed: (error: Error) => void;
}

export interface Snapshots {
  /** Event `seq` is durable and ends a batch: starts a snapshot when one is due. */
  reached(seq: number): void;
  /** Nothing is executed any more. With everything durable a last one is taken, if there is time. */
  close(isAllDurable: boolean): Promise<void>;
}

export function createSnapshots(
  options: SnapshotOptions,
  { core, journal, startFollower, ticker, onFatal, onMissed }: SnapshotDependencies,
): Snapshots {
  /** Of the last snapshot that was stored, or tried. */
  let triedSeq = journal.recovered.snapshot?.seq ?? 0;
  let storedSeq = triedSeq;
  let following: Follower | null = null;
  let ended: Promise<void> = Promise.resolve();
  let isClosed = false;

  function failed(error: Error): void {
    // What is abandoned fails as it likes.
    if (isClosed) return;
    if (error instanceof JournalError) onFatal(error);
    else onMissed(error);
  }

  function start(seq: number): void {
    triedSeq = seq;
    const follower = startFollower(seq, journal.run);
    following = follower;
    ended = follower.done
      .then(() => {
        storedSeq = seq;
      }, failed)
      .finally(() => {
        following = null;
      });
  }

  /** The live state, at once: nobody waits for it any more. */
  async function storeLast(isLate: () => boolean): Promise<void> {
    const { seq } = core.state;
    if (seq === storedSeq || rowsOf(core.state) > options.stateRowsAtStopMax) return;
    // Memory in disorder must not become what the next start begins with.
    if (invariantBreaches(core.state).length > 0) return;
    const snapshot = { seq, bytes: core.snapshot() };
    await finish(storeSnapshot(snapshot, SNAPSHOT_SCHEMA_VERSION), journal.run, isLate);
  }

  return {
    reached(seq) {
      if (following === null && seq - triedSeq >= options.eventsPerSnapshot) start(seq);
    },
    async close(isAllDurable) {
      if (isAllDurable) {
        const deadline = deadlineIn(options.snapshotAtStopMsMax, ticker);
        const last = ended.then(() => storeLast(deadline.isOver)).catch(failed);
        await Promise.race([last, deadline.over]);
        deadline.cancel();
      }
      isClosed = true;
      following?.abandon();
    },
  };
}

function deadlineIn(ms: number, ticker: Ticker) {
  let isOver = false;
  let cancel = () => {};
  const over = new Promise<void>((resolve) => {
    cancel = ticker(() => {
      cancel();
      isOver = true;
      resolve();
    }, ms);
  });
  return { over, isOver: () => isOver, cancel };
}

/** How much there is to encode, about. */
function rowsOf(state: CoreState): number {
  const { orders, lots, deliveries, accounts, clientIds, references } = state;
  const rows = [orders, lots, deliveries, accounts, clientIds, references];
  return rows.reduce((sum, { size }) => sum + size, 0);
}
