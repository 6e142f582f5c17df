/** Restoring: a backup becomes the journal of a data directory that has none. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { syncPath } from "#exchange/journal/archive.ts";
import { JournalError } from "#exchange/journal/journal.ts";

/** What must not be there: it would be lost, or belong to another journal. */
const OCCUPIED_BY = ["journal.db", "journal.db-wal", "history.db", "history.db-wal"];

/** Throws `JournalError` when something of an exchange is in the directory already. */
export function checkVacant(dataDir: string): void {
  const found = OCCUPIED_BY.filter((name) => existsSync(join(dataDir, name)));
  if (found.length === 0) return;
  throw new JournalError(
    `${dataDir} holds ${found.join(", ")}, and a restore overwrites nothing. Move these files away first, and keep them until the restored exchange runs.`,
  );
}

/**
 * Copies a verified backup into a data directory, durable before it has its name. The read model is
 * built from it at the next start. Throws when something is there already, or on a failing disk.
 */
export function restoreArchive(file: string, dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  checkVacant(dataDir);
  const journal = join(dataDir, "journal.db");
  const part = `${journal}.part`;
  try {
    copyFileSync(file, part);
    chmodSync(part, 0o600);
    syncPath(part);
    renameSync(part, journal);
    syncPath(dataDir);
  } catch (error) {
    rmSync(part, { force: true });
    throw new JournalError(`restore into ${dataDir} failed: ${(error as Error).message}`);
  }
}
