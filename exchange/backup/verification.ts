/**
 * Proof that a journal is whole and means what it says: every hash, every event replayed from the
 * first, every snapshot against that replay, and the state that comes out against its invariants.
 */
import { createCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import { finishNow } from "#exchange/journal/errands.ts";
import { JournalError, type Snapshot } from "#exchange/journal/journal.ts";
import { loadSnapshotBytes } from "#exchange/journal/snapshot-storage.ts";
import type { SqliteContent } from "#exchange/journal/sqlite-content.ts";
import { applyBatch, recoverCore } from "#exchange/recovery.ts";

/** Sentences that are told of one verification. */
const PROBLEMS_MAX = 20;

export interface Verification {
  /** What is wrong with the events, as sentences; empty when they can be trusted. */
  problems: string[];
  /** What is wrong with snapshots: they must not be begun with, but the events give the same state. */
  snapshotProblems: string[];
  /** What is in order and worth knowing. */
  notes: string[];
  /** What was found, for people. */
  counts: Record<
    "batches" | "events" | "bytes" | "snapshots" | "accounts" | "orders" | "lots" | "deliveries",
    number
  >;
  firstAtMs: number | null;
  lastAtMs: number | null;
}

/** Verifies all of it, at once: seconds per million events. */
export function verifyJournal(content: SqliteContent): Verification {
  const core = createCore();
  const found: Verification = {
    problems: [],
    snapshotProblems: [],
    notes: [],
    counts: {
      batches: 0,
      events: 0,
      bytes: 0,
      snapshots: 0,
      accounts: 0,
      orders: 0,
      lots: 0,
      deliveries: 0,
    },
    firstAtMs: null,
    lastAtMs: null,
  };
  const chain = content.problem({ fromSeq: 0, bytes: Number.POSITIVE_INFINITY });
  if (chain !== null) {
    found.problems.push(chain);
    return found;
  }
  const snapshots = readableSnapshots(content, found);
  try {
    replay(content, { core, snapshots, found });
    found.problems.push(...invariantBreaches(core.state));
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    found.problems.push(error.message);
  }
  const isSound = found.problems.length + found.snapshotProblems.length === 0;
  if (isSound) compareWithRecovery(content, { core, snapshots, found });
  found.problems.splice(PROBLEMS_MAX);
  const { accounts, orders, lots, deliveries } = core.state;
  Object.assign(found.counts, {
    accounts: accounts.size,
    orders: orders.size,
    lots: lots.size,
    deliveries: deliveries.size,
  });
  return found;
}

interface Replayed {
  core: Core;
  /** Newest first. */
  snapshots: readonly Snapshot[];
  found: Verification;
}

/** Those of our schema that are as they were written. */
function readableSnapshots(content: SqliteContent, found: Verification): Snapshot[] {
  const snapshots: Snapshot[] = [];
  for (const header of content.run({ type: "list-snapshots" })) {
    const { seq, schemaVersion } = header;
    const bytes = finishNow(loadSnapshotBytes(header), content.run);
    found.counts.snapshots += 1;
    if (bytes === null) found.snapshotProblems.push(`snapshot of event ${seq} is damaged`);
    else if (schemaVersion === SNAPSHOT_SCHEMA_VERSION) snapshots.push({ seq, bytes });
    else {
      found.notes.push(
        `snapshot of event ${seq} has schema ${schemaVersion}, this version of gridspot reads ${SNAPSHOT_SCHEMA_VERSION}: it is passed over, and the next start replays more`,
      );
    }
  }
  return snapshots;
}

function replay(content: SqliteContent, { core, snapshots, found }: Replayed): void {
  const { counts, snapshotProblems } = found;
  const uncompared = new Map(snapshots.map((snapshot) => [snapshot.seq, snapshot]));
  for (const batch of content.batchesAfter(0)) {
    const events = applyBatch(core, batch);
    found.firstAtMs ??= events[0]?.atMs ?? null;
    found.lastAtMs = batch.atMs;
    counts.batches += 1;
    counts.events += events.length;
    counts.bytes += batch.events.length;
    const snapshot = uncompared.get(batch.lastSeq);
    if (snapshot === undefined) continue;
    uncompared.delete(batch.lastSeq);
    if (Buffer.compare(snapshot.bytes, core.snapshot()) !== 0) {
      snapshotProblems.push(
        `snapshot of event ${snapshot.seq} is not the state that its events give`,
      );
    }
  }
  for (const seq of uncompared.keys()) {
    snapshotProblems.push(`snapshot of event ${seq} ends no batch`);
  }
}

/** What a start would come to, from the newest snapshot. */
function compareWithRecovery(content: SqliteContent, { core, snapshots, found }: Replayed): void {
  const snapshot = snapshots[0];
  if (snapshot === undefined) return;
  const batches = content.batchesAfter(snapshot.seq);
  try {
    const recovered = recoverCore({ snapshot, batches, unreadable: [] });
    if (Buffer.compare(recovered.snapshot(), core.snapshot()) === 0) return;
    found.snapshotProblems.push(
      "the newest snapshot and what followed give another state than all events",
    );
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    found.snapshotProblems.push(error.message);
  }
}
