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
import { loadSnapshots } from "#exchange/journal/snapshot-storage.ts";
import type { SqliteContent } from "#exchange/journal/sqlite-content.ts";
import { applyBatch, recoverCore } from "#exchange/recovery.ts";

/** Sentences that are told of one verification. */
const PROBLEMS_MAX = 20;

export interface Verification {
  /** Sentences; empty when the journal can be trusted. */
  problems: string[];
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
  const unreadable: string[] = [];
  const snapshots = finishNow(loadSnapshots(SNAPSHOT_SCHEMA_VERSION, unreadable), content.run);
  const core = createCore();
  const found: Verification = {
    problems: unreadable.map((each) => each.replace("; passed over", "")),
    counts: {
      batches: 0,
      events: 0,
      bytes: 0,
      snapshots: snapshots.length,
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
  try {
    replay(content, { core, snapshots, found });
    compareWithRecovery(content, { core, snapshots, found });
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    found.problems.push(error.message);
  }
  found.problems.push(...invariantBreaches(core.state));
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

function replay(content: SqliteContent, { core, snapshots, found }: Replayed): void {
  const { counts, problems } = found;
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
      problems.push(`snapshot of event ${snapshot.seq} is not the state that its events give`);
    }
  }
  for (const seq of uncompared.keys()) problems.push(`snapshot of event ${seq} ends no batch`);
}

/** What a start would come to, from the newest snapshot. */
function compareWithRecovery(content: SqliteContent, { core, snapshots, found }: Replayed): void {
  const snapshot = snapshots[0];
  if (snapshot === undefined) return;
  const batches = content.batchesAfter(snapshot.seq);
  const recovered = recoverCore({ snapshot, batches, unreadable: [] });
  if (Buffer.compare(recovered.snapshot(), core.snapshot()) !== 0) {
    found.problems.push("the newest snapshot and what followed give another state than all events");
  }
}
