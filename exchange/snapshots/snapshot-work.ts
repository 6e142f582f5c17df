/**
 * Taking a snapshot: what a start would do with the journal as it stands, on a second core, and then
 * the state encoded and stored. Nothing of it touches the live core, and nothing runs on its thread
 * unless it has to; what it needs of the journal it asks for in pieces.
 */
import { createCore, restoreCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import { ask, type ErrandWork } from "#exchange/journal/errands.ts";
import { JournalError } from "#exchange/journal/journal.ts";
import { loadNewestSnapshot, storeSnapshot } from "#exchange/journal/snapshot-storage.ts";
import { applyBatch } from "#exchange/recovery.ts";

/**
 * Stores the state after event `toSeq`, with which a durable batch ends. Throws `JournalError` when
 * the journal does not give a sound state: then the next start would fail as well.
 */
export function* takeSnapshot(toSeq: number): ErrandWork<void> {
  const core = yield* replayedCore(toSeq);
  const breaches = invariantBreaches(core.state);
  if (breaches.length > 0) {
    throw new JournalError(
      `the state after event ${core.state.seq} is unsound: ${breaches.slice(0, 3).join("; ")}`,
    );
  }
  const { seq } = core.state;
  yield* storeSnapshot({ seq, bytes: core.snapshot() }, SNAPSHOT_SCHEMA_VERSION);
}

/** A core in the state after event `toSeq`, from the newest snapshot before it and what followed. */
function* replayedCore(toSeq: number): ErrandWork<Core> {
  const snapshot = yield* loadNewestSnapshot(SNAPSHOT_SCHEMA_VERSION, []);
  const core = snapshot === null ? createCore() : restoreCore(snapshot.bytes);
  while (core.state.seq < toSeq) {
    const batches = yield* ask({ type: "read-batches", afterSeq: core.state.seq });
    if (batches.length === 0) {
      throw new JournalError(`the journal ends at event ${core.state.seq}, expected ${toSeq}`);
    }
    for (const batch of batches) if (core.state.seq < toSeq) applyBatch(core, batch);
  }
  return core;
}
