/**
 * The read model: what happened, in a form that can be asked. Built from durable events and from
 * nothing else, so it may be thrown away and rebuilt; it keeps the sequence it stands at in the same
 * transaction as the rows, so each event counts once however often it comes.
 */

import type { CoreEvent } from "#exchange/core/events.ts";
import { type OpenDatabase, openNativeDatabase, type SqliteDatabase } from "#exchange/database.ts";
import { createProjection } from "./projection.ts";
import { createQueries, type HistoryQueries } from "./queries.ts";
import { HISTORY_SCHEMA, HISTORY_VERSION } from "./schema.ts";

/** Events of one transaction while catching up. */
const CATCH_UP_EVENTS_PER_TRANSACTION = 5_000;

export interface History extends HistoryQueries {
  /** Number of the last event taken in; 0 when nothing was. */
  readonly lastSeq: number;
  /** Mark of the journal that it was built from, once `bind` has said it. */
  readonly journalMark: number | null;
  /** Says which journal it is built from, for ever. */
  bind(journalMark: number): void;
  /**
   * Takes events in, in one transaction; what was seen before is skipped. Throws when events between
   * are missing: `catchUp` from the journal first.
   */
  apply(events: readonly CoreEvent[]): void;
  /** `apply` for a long stretch, in several transactions. Returns how many events were new. */
  catchUp(events: Iterable<CoreEvent>): number;
  close(): void;
}

/**
 * Opens `history.db` at a path, or with `:memory:` a history that ends with the process. One of
 * another version is emptied: its `lastSeq` is 0 then.
 */
export function openHistory(path: string, open = openNativeDatabase): History {
  const db = openDatabase(path, open);
  const projection = createProjection(db);
  const saveSeq = db.prepare("UPDATE meta SET value = ? WHERE name = 'seq'");
  const readMark = db.prepare("SELECT value FROM meta WHERE name = 'journal'").pluck();
  let lastSeq = db.prepare("SELECT value FROM meta WHERE name = 'seq'").pluck().get() as number;

  const takeIn = db.transaction((events: readonly CoreEvent[]) => {
    let seq = lastSeq;
    for (const event of events) {
      if (event.seq <= seq) continue;
      if (event.seq !== seq + 1) {
        throw new Error(
          `history stands at event ${seq} and got ${event.seq}; catch up from the journal first`,
        );
      }
      projection.project(event);
      seq = event.seq;
    }
    projection.flush();
    saveSeq.run(seq);
    return seq;
  });
  function apply(events: readonly CoreEvent[]): void {
    const last = events.at(-1);
    if (last === undefined || last.seq <= lastSeq) return;
    try {
      lastSeq = takeIn(events);
    } catch (error) {
      // The rows were rolled back; what the batch touched in memory must go with them.
      projection.forget();
      throw error;
    }
  }

  return {
    ...createQueries(db),
    get lastSeq() {
      return lastSeq;
    },
    get journalMark() {
      return (readMark.get() as number | undefined) ?? null;
    },
    bind: (mark) => void db.prepare("INSERT INTO meta VALUES ('journal', ?)").run(mark),
    apply,
    catchUp(events) {
      const before = lastSeq;
      let batch: CoreEvent[] = [];
      for (const event of events) {
        if (event.seq <= lastSeq) continue;
        batch.push(event);
        if (batch.length < CATCH_UP_EVENTS_PER_TRANSACTION) continue;
        apply(batch);
        batch = [];
      }
      apply(batch);
      return lastSeq - before;
    },
    close: () => db.close(),
  };
}

function openDatabase(path: string, open: OpenDatabase): SqliteDatabase {
  const db = open(path);
  // One process owns it, as it owns the journal; without shared memory WAL is also a little faster.
  db.pragma("locking_mode = EXCLUSIVE");
  db.pragma("journal_mode = WAL");
  // A crash may lose the last transactions, never tear one: the journal brings them back.
  db.pragma("synchronous = NORMAL");
  if (db.pragma("user_version", { simple: true }) !== HISTORY_VERSION) {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all();
    for (const table of tables) db.exec(`DROP TABLE "${table}"`);
    db.exec(HISTORY_SCHEMA);
    db.prepare("INSERT INTO meta VALUES ('seq', 0)").run();
    db.pragma(`user_version = ${HISTORY_VERSION}`);
  }
  return db;
}
