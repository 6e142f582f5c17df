/** Journal, core and read model on a simulated disk, opened in the order in which the exchange opens them. */
import type { Core } from "#exchange/core/core-port.ts";
import type { OpenDatabase } from "#exchange/database.ts";
import { type History, openHistory } from "#exchange/history/history.ts";
import type { Journal } from "#exchange/journal/journal.ts";
import { openSqliteJournal, type SqliteJournalOptions } from "#exchange/journal/sqlite-journal.ts";
import { recoverCore } from "#exchange/recovery.ts";

export interface SimulatedStorage {
  journal: Journal;
  core: Core;
  history: History;
  /** Where the read model stood before it was brought up to the journal. */
  historySeq: number;
}

/** Opens what is in `place`. Throws what would end the real process with a message. */
export async function openSimulatedStorage(
  place: string,
  openDatabase: OpenDatabase,
  options: SqliteJournalOptions = {},
): Promise<SimulatedStorage> {
  let history: History | null = null;
  let historySeq = 0;
  const journal = await openSqliteJournal(
    place,
    (mark) => {
      history = openHistory(`${place}/history.db`, openDatabase);
      if (mark !== null && history.journalMark === null) history.bind(mark);
      historySeq = history.lastSeq;
      return historySeq;
    },
    { ...options, openDatabase },
  );
  const opened = history as unknown as History;
  const core = recoverCore(journal.recovered, (events) => opened.apply(events));
  return { journal, core, history: opened, historySeq };
}
