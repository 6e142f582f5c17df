/**
 * Making a backup: every batch of a journal copied in order and proved on the way, and the newest
 * snapshot. It reads in errands, so a running exchange makes one between its appends, in a thread.
 * Row by row and not page by page: the copy is then proved, and as small as it can be.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type Archive, createArchive, openArchive, syncPath } from "#exchange/journal/archive.ts";
import { ask, type ErrandWork } from "#exchange/journal/errands.ts";
import { linkProblem } from "#exchange/journal/hash-chain.ts";
import { type ChainedBatch, JournalError } from "#exchange/journal/journal.ts";

export interface BackupOrder {
  /** The file to make; there must be none. */
  to: string;
  /** The last event that must be in it. */
  toSeq: number;
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
}

/** Writes the backup under another name, syncs, proves and renames it. Throws `JournalError` in words. */
export function* makeBackup({ to, toSeq }: BackupOrder): ErrandWork<BackupReport> {
  if (existsSync(to)) throw new JournalError(`${to} is there already; name a file that is not`);
  const part = `${to}.part`;
  try {
    rmSync(part, { force: true });
    const archive = createArchive(part);
    let report: BackupReport;
    try {
      report = { file: to, ...(yield* copyBatches(archive, toSeq)), snapshotSeq: null };
      report.snapshotSeq = yield* copySnapshot(archive, report.lastSeq);
      archive.seal();
    } finally {
      archive.close();
    }
    proveArchive(part, report.lastSeq);
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
): ErrandWork<Omit<BackupReport, "file" | "snapshotSeq">> {
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

/** The newest snapshot of what was copied; null when there is none, or it was replaced meanwhile. */
function* copySnapshot({ content }: Archive, lastSeq: number): ErrandWork<number | null> {
  const headers = yield* ask({ type: "list-snapshots" });
  const header = headers.find(({ seq }) => seq <= lastSeq);
  if (header === undefined) return null;
  const { seq } = header;
  for (let part = 0; part < header.parts; part += 1) {
    const bytes = yield* ask({ type: "read-snapshot-part", seq, part });
    if (bytes.length === 0) return null;
    content.run({ type: "save-snapshot-part", seq, part, bytes });
  }
  content.run({ type: "save-snapshot-header", header });
  return seq;
}

/** Reads back what was written, all of it. */
function proveArchive(file: string, lastSeq: number): void {
  const { content, close } = openArchive(file);
  try {
    const problem = content.problem({ fromSeq: 0, bytes: Number.POSITIVE_INFINITY });
    if (problem !== null) throw new JournalError(`what was written does not read back: ${problem}`);
    const readSeq = content.newest()?.lastSeq ?? 0;
    if (readSeq !== lastSeq) {
      throw new JournalError(`what was written ends at event ${readSeq}, expected ${lastSeq}`);
    }
  } finally {
    close();
  }
}
