/**
 * What writes `journal.db`, one commit per message: obeys in order, and after the first write that
 * failed obeys nothing more. `sqlite-writer-thread.ts` runs it in a thread.
 */
import { type Errand, isRead } from "./errands.ts";
import { type Batch, JournalError } from "./journal.ts";
import { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from "./sqlite-store.ts";

/** What the writer is told; each message is answered by one `WriterAnswer`, in order. */
export type WriterMessage =
  | { type: "open" }
  | { type: "append"; batch: Batch }
  | { type: "errand"; errand: Errand }
  | { type: "close" };
/** `result` is that of an errand; after a final failure nothing is obeyed. */
export type WriterAnswer =
  | { ok: true; result?: unknown }
  | { ok: false; message: string; isFinal: boolean };
export type WriterData = SqliteStoreOptions & { file: string };

/** Builds a writer; it touches no file before it is told to open. Never throws: failures are answers. */
export function createSqliteWriter({ file, ...options }: WriterData): {
  answer(message: WriterMessage): WriterAnswer;
} {
  let store: SqliteStore | null = null;
  let failure: string | null = null;

  function obey(message: WriterMessage): unknown {
    if (message.type === "close") return store?.close();
    // After a failed sync the disk may hold less than SQLite believes: nothing is tried again.
    if (failure !== null) throw new JournalError(failure);
    if (message.type === "open") {
      store = openSqliteStore(file, options);
      return;
    }
    if (store === null) throw new JournalError(`${message.type} before open`);
    return message.type === "append" ? store.append(message.batch) : store.run(message.errand);
  }

  return {
    answer(message) {
      try {
        return { ok: true, result: obey(message) };
      } catch (error) {
        const said = (done: string) =>
          error instanceof JournalError
            ? error.message
            : `${file} cannot be ${done}: ${(error as Error).message}`;
        if (failure === null && message.type === "errand" && isRead(message.errand)) {
          return { ok: false, message: said("read"), isFinal: false };
        }
        failure ??= said("written");
        return { ok: false, message: failure, isFinal: true };
      }
    },
  };
}
