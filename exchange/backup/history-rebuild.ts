/**
 * Builds `history.db` anew from the whole journal of a stopped exchange. The new one is made beside
 * the old and takes its name only when it is whole, so that an interrupted rebuild changes nothing.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openHistory } from "#exchange/history/history.ts";
import { syncPath } from "#exchange/journal/archive.ts";
import { decodeEvents } from "#exchange/journal/event-encoding.ts";
import { JournalError } from "#exchange/journal/journal.ts";
import type { SqliteContent } from "#exchange/journal/sqlite-content.ts";

/** Files of one SQLite database. */
const SUFFIXES = ["", "-wal", "-shm"];

/**
 * Reads every event and returns how many there were. `content` must stay locked meanwhile. Throws
 * `JournalError` when the journal is not whole: what it lacks may stand in the history that is there.
 */
export function rebuildHistory(content: SqliteContent, dataDir: string): number {
  const problem = content.problem({ fromSeq: 0, bytes: Number.POSITIVE_INFINITY });
  if (problem !== null) throw new JournalError(problem);
  const file = join(dataDir, "history.db");
  checkNothingIsLost(file, content);
  const built = `${file}.new`;
  removeDatabase(built);
  const history = openHistory(built);
  try {
    const mark = content.mark();
    if (mark !== null) history.bind(mark);
    history.catchUp(eventsOf(content));
  } finally {
    history.close();
  }
  const { length: leftovers } = SUFFIXES.slice(1).filter((suffix) => existsSync(built + suffix));
  if (leftovers > 0) throw new Error(`${built} was not merged into one file; try again`);
  syncPath(built);
  removeDatabase(file, SUFFIXES.slice(1));
  renameSync(built, file);
  rmSync(`${file}.rebuild`, { recursive: true, force: true });
  syncPath(dataDir);
  return content.newest()?.lastSeq ?? 0;
}

/** A history that knows more than the journal is the only witness of a tail that was lost. */
function checkNothingIsLost(file: string, content: SqliteContent): void {
  if (!existsSync(file)) return;
  const journaled = content.newest()?.lastSeq ?? 0;
  const known = seqOf(file);
  if (known === null || known <= journaled) return;
  throw new JournalError(
    `${file} knows events up to ${known} and journal.db ends at ${journaled}: the journal's end is lost. Restore a newer backup; to go on without it, move history.db away yourself.`,
  );
}

/** Null when it cannot be read, which is a reason to build it anew. */
function seqOf(file: string): number | null {
  try {
    const history = openHistory(file);
    try {
      return history.lastSeq;
    } finally {
      history.close();
    }
  } catch {
    return null;
  }
}

function* eventsOf(content: SqliteContent) {
  for (const batch of content.batchesAfter(0)) yield* decodeEvents(batch.events);
}

function removeDatabase(file: string, suffixes: readonly string[] = SUFFIXES): void {
  for (const suffix of suffixes) rmSync(file + suffix, { force: true });
}
