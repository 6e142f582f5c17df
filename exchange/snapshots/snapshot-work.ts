/**
 * Taking a snapshot: what a start would do with the journal as it stands, on a second core, and then
 * the state encoded and stored. Nothing of it touches the live core, and nothing runs on its thread
 * unless it has to; what it needs of the journal it asks for in pieces.
 */
import { createCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import { ask, type ErrandWork } from "#exchange/journal/errands.ts";
import { entryProblem, linkProblem } from "#exchange/journal/hash-chain.ts";
import { type ChainedBatch, JournalError } from "#exchange/journal/journal.ts";
import { loadNewestSnapshot, storeSnapshot } from "#exchange/journal/snapshot-storage.ts";
import { applyBatch, restoreSnapshot } from "#exchange/recovery.ts";

/** Sentences that are told of one journal. */
const PROBLEMS_MAX = 10;

/**
 * Stores the state after event `toSeq`, with which a durable batch ends. Comes to what is wrong with
 * the journal, as sentences: then nothing is stored, and the next start would fail as well.
 */
export function* takeSnapshot(toSeq: number): ErrandWork<readonly string[]> {
  const core = yield* soundCore();
  const problem = yield* replay(core, toSeq);
  if (problem !== null) return [`the journal is damaged: ${problem}`];
  const breaches = invariantBreaches(core.state);
  if (breaches.length > 0) return breaches.slice(0, PROBLEMS_MAX);
  const { seq } = core.state;
  yield* storeSnapshot({ seq, bytes: core.snapshot() }, SNAPSHOT_SCHEMA_VERSION);
  return [];
}

/** A core from the newest snapshot whose books are in order, or an empty one. */
function* soundCore(): ErrandWork<Core> {
  let beforeSeq = Number.POSITIVE_INFINITY;
  for (;;) {
    const snapshot = yield* loadNewestSnapshot(SNAPSHOT_SCHEMA_VERSION, [], beforeSeq);
    if (snapshot === null) return createCore();
    const restored = restoreSnapshot(snapshot);
    if (restored.ok) return restored.core;
    beforeSeq = snapshot.seq;
  }
}

/** Applies what follows up to event `toSeq`, each batch proved before; what is wrong with one, or null. */
function* replay(core: Core, toSeq: number): ErrandWork<string | null> {
  let last: ChainedBatch | null = null;
  while (core.state.seq < toSeq) {
    const { seq } = core.state;
    const batches: readonly ChainedBatch[] = yield* ask({ type: "read-batches", afterSeq: seq });
    if (batches.length === 0) return `it ends at event ${seq}, expected ${toSeq}`;
    for (const batch of batches) {
      if (core.state.seq >= toSeq) break;
      const problem = last === null ? entryProblem(seq, batch) : linkProblem(last, batch);
      if (problem !== null) return problem;
      last = batch;
      try {
        applyBatch(core, batch);
      } catch (error) {
        if (error instanceof JournalError) return error.message;
        throw error;
      }
    }
  }
  return null;
}
