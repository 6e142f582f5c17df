/**
 * Making a backup: every batch of a journal copied in order and proved on the way, and the newest
 * snapshot. It reads in errands, so a running exchange makes one between its appends, in a thread.
 * Row by row and not page by page: the copy is then proved, and as small as it can be.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import { type Archive, createArchive, openArchive, syncPath } from "#exchange/journal/archive.ts";
import { ask, type ErrandWork, finishNow } from "#exchange/journal/errands.ts";
import { linkProblem } from "#exchange/journal/hash-chain.ts";
import { type ChainedBatch, JournalError } from "#exchange/journal/journal.ts";
import { loadNewestSnapshot, storeSnapshot } from "#exchange/journal/snapshot-storage.ts";

export interface BackupOrder {
  /** The file to make; there must be none. */
  to: string;
  /** The last event that must be in it. */
  toSeq: number;
  /** Leaves snapshots out: the first start on it replays everything. */
  withoutSnapshot?: boolean;
}

/** What a backup holds. */
export interface BackupReport {
  file: string;
  /** Its last event. */
  lastSeq: number;
  batches: number;
  bytes: number;
  /** Of the snapshot that is in it; a restore replays what comes after. */
  snapshotSeq: number | null;
  /** Snapshots that were left out, and why, as sentences. */
  notes: string[];
}

/** The name under which a backup is written before it is proved. */
export const partOf = (file: string) => `${file}.part`;

/** Writes the backup under another name, syncs, proves and renames it. Throws `JournalError` in words. */
export function* makeBackup(order: BackupOrder): ErrandWork<BackupReport> {
  const { to, toSeq } = order;
  if (existsSync(to)) throw new JournalError(`${to} is there already; name a file that is not`);
  const part = partOf(to);
  try {
    rmSync(part, { force: true });
    const archive = createArchive(part);
    let report: BackupReport;
    try {
      const copied = yield* copyBatches(archive, toSeq);
      report = { file: to, ...copied, snapshotSeq: null, notes: [] };
      if (order.withoutSnapshot !== true) report.snapshotSeq = yield* copySnapshot(archive, report);
      archive.seal();
    } finally {
      archive.close();
    }
    proveArchive(part, report);
    renameSync(part, to);
    syncPath(dirname(to));
    return report;
  } catch (error) {
    rmSync(part, { force: true });
    if (error instanceof JournalError) throw error;
    throw new JournalError(`backup to ${to} failed: ${(error as Error).message}`);
  }
}

function* copyBatches(
  { content }: Archive,
  toSeq: number,
): ErrandWork<Pick<BackupReport, "lastSeq" | "batches" | "bytes">> {
  let last: ChainedBatch | null = null;
  let batches = 0;
  let bytes = 0;
  while ((last?.lastSeq ?? 0) < toSeq) {
    const afterSeq: number = last?.lastSeq ?? 0;
    const piece: readonly ChainedBatch[] = yield* ask({ type: "read-batches", afterSeq });
    if (piece.length === 0) {
      throw new JournalError(`the journal ends at event ${afterSeq}, expected ${toSeq}`);
    }
    for (const batch of piece) {
      const problem = linkProblem(last, batch);
      if (problem !== null) throw new JournalError(`the journal is damaged: ${problem}`);
      content.insert(batch);
      batches += 1;
      bytes += batch.events.length;
      last = batch;
    }
  }
  content.setEpoch(last?.epoch ?? 0);
  return { lastSeq: last?.lastSeq ?? 0, batches, bytes };
}

/** The newest snapshot of what was copied that can be read; null when there is none. */
function* copySnapshot(
  { content }: Archive,
  { lastSeq, notes }: BackupReport,
): ErrandWork<number | null> {
  const snapshot = yield* loadNewestSnapshot(SNAPSHOT_SCHEMA_VERSION, notes, lastSeq + 1);
  if (snapshot === null) return null;
  finishNow(storeSnapshot(snapshot, SNAPSHOT_SCHEMA_VERSION), content.run);
  return snapshot.seq;
}

/** Reads back what was written, all of it. */
function proveArchive(file: string, { lastSeq, snapshotSeq }: BackupReport): void {
  const { content, close } = openArchive(file);
  try {
    const problem = content.problem({ fromSeq: 0, bytes: Number.POSITIVE_INFINITY });
    if (problem !== null) throw new JournalError(`what was written does not read back: ${problem}`);
    const readSeq = content.newest()?.lastSeq ?? 0;
    if (readSeq !== lastSeq) {
      throw new JournalError(`what was written ends at event ${readSeq}, expected ${lastSeq}`);
    }
    const unreadable: string[] = [];
    const snapshot = finishNow(
      loadNewestSnapshot(SNAPSHOT_SCHEMA_VERSION, unreadable),
      content.run,
    );
    if ((snapshot?.seq ?? null) !== snapshotSeq) {
      throw new JournalError(`what was written does not read back: ${unreadable.join("; ")}`);
    }
  } finally {
    close();
  }
}
