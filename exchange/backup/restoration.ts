/** Restoring: a backup becomes the journal of a data directory that has none. */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Archive } from "#exchange/journal/archive.ts";
import { finishNow } from "#exchange/journal/errands.ts";
import { JournalError } from "#exchange/journal/journal.ts";
import { makeBackup } from "./backup-work.ts";

/** What must not be there: it would be lost, or belong to another journal. */
const OCCUPIED_BY = ["journal.db", "journal.db-wal", "history.db", "history.db-wal"];

/** A log of no bytes is all that reading a journal leaves behind. */
const mayBeEmpty = (name: string) => name.endsWith("-wal");

/** Throws `JournalError` when something of an exchange is in the directory already. */
export function checkVacant(dataDir: string): void {
  const found = OCCUPIED_BY.filter((name) => {
    const size = statSync(join(dataDir, name), { throwIfNoEntry: false })?.size ?? null;
    return size !== null && !(size === 0 && mayBeEmpty(name));
  });
  if (found.length === 0) return;
  throw new JournalError(
    `${dataDir} holds ${found.join(", ")}, and a restore overwrites nothing. Move these files away first, and keep them until the restored exchange runs.`,
  );
}

/**
 * Copies a verified journal into a data directory, row by row as a backup is made: durable and proved
 * before it has its name, also out of a directory where the log was never merged. The read model is
 * built from it at the next start. Throws `JournalError` when something is there already, or on a
 * failing disk.
 */
export function restoreArchive(
  { content }: Archive,
  dataDir: string,
  options: { withoutSnapshot: boolean },
): void {
  const toSeq = content.newest()?.lastSeq ?? 0;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    checkVacant(dataDir);
    finishNow(makeBackup({ to: join(dataDir, "journal.db"), toSeq, ...options }), content.run);
  } catch (error) {
    throw new JournalError(`restore into ${dataDir} failed: ${(error as Error).message}`);
  }
}
