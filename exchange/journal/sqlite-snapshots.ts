/** Snapshots in `journal.db`: a row per part, and a row for the header that makes them count. */
import type { SqliteDatabase } from "#exchange/database.ts";
import { PARTS_PRUNED_MAX, type SnapshotHeader } from "./errands.ts";
import { SNAPSHOTS_KEPT } from "./journal.ts";

const NO_PART: Uint8Array = new Uint8Array();

export interface SqliteSnapshots {
  /** Newest first. */
  list(): SnapshotHeader[];
  readPart(seq: number, part: number): Uint8Array;
  savePart(seq: number, part: number, bytes: Uint8Array): void;
  saveHeader(header: SnapshotHeader): void;
  /** True when more is left to remove. */
  prune(): boolean;
}

export function createSqliteSnapshots(db: SqliteDatabase): SqliteSnapshots {
  const list = db.prepare<[], SnapshotHeader>(
    "SELECT seq, schema_version AS schemaVersion, parts, hash FROM snapshots ORDER BY seq DESC",
  );
  const readPart = db
    .prepare("SELECT bytes FROM snapshot_parts WHERE seq = ? AND part = ?")
    .pluck();
  const savePart = db.prepare("INSERT OR REPLACE INTO snapshot_parts VALUES (?, ?, ?)");
  const saveHeader = db.prepare("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)");
  // Headers go first: a snapshot that is half removed must not look whole.
  const dropHeaders = db.prepare(
    "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)",
  );
  const dropParts = db.prepare(
    `DELETE FROM snapshot_parts WHERE rowid IN (SELECT rowid FROM snapshot_parts
       WHERE seq NOT IN (SELECT seq FROM snapshots) LIMIT ?)`,
  );
  const prune = db.transaction(() => {
    dropHeaders.run(SNAPSHOTS_KEPT);
    return dropParts.run(PARTS_PRUNED_MAX).changes === PARTS_PRUNED_MAX;
  });

  return {
    list: () => list.all(),
    readPart(seq, part) {
      try {
        return (readPart.get(seq, part) as Uint8Array | undefined) ?? NO_PART;
      } catch (error) {
        // No reason to stop: its hash will not fit, and the snapshot before it is used.
        if ((error as { code?: string }).code?.startsWith("SQLITE_CORRUPT")) return NO_PART;
        throw error;
      }
    },
    savePart: (seq, part, bytes) => void savePart.run(seq, part, bytes),
    saveHeader: ({ seq, schemaVersion, parts, hash }) =>
      void saveHeader.run(seq, schemaVersion, parts, hash),
    prune: () => prune(),
  };
}
