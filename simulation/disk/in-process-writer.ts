/** The journal's real writer without its thread: each message takes as long as `later` makes it. */
import type { OpenDatabase } from "#exchange/database.ts";
import { JournalError } from "#exchange/journal/journal.ts";
import {
  createSqliteWriter,
  type WriterData,
  type WriterMessage,
} from "#exchange/journal/sqlite-writer.ts";
import type { JournalWriter } from "#exchange/journal/writer-thread.ts";

/** Builds the writer; `later` runs what it is given, one after another, some time from now; it sees why. */
export function inProcessWriter(
  data: WriterData,
  openDatabase: OpenDatabase,
  later: (run: () => void, message: WriterMessage) => void,
): JournalWriter {
  const writer = createSqliteWriter({ ...data, openDatabase });
  return {
    ask: (message) =>
      new Promise((resolve, reject) => {
        later(() => {
          const answer = writer.answer(message);
          if (answer.ok) resolve(answer.result);
          else reject(new JournalError(answer.message));
        }, message);
      }),
  };
}
