/** Backups of a running exchange: one at a time, in a thread, between the journal's appends. */
import { rmSync } from "node:fs";
import { isAbsolute } from "node:path";
import { type ErrandThread, startErrandThread } from "#exchange/journal/errand-thread.ts";
import { type Journal, JournalError } from "#exchange/journal/journal.ts";
import { type BackupOrder, type BackupReport, partOf } from "./backup-work.ts";

/** Why no backup was begun. */
export type BackupRefusal = "running" | "stopping" | "relative-path";

export interface Backups {
  /**
   * Makes a backup of everything that is durable now in a file of this machine, at an absolute path
   * where there is none. Rejects with `JournalError` when that fails; the exchange goes on.
   */
  make(to: string): Promise<BackupReport> | BackupRefusal;
  /** Gives up what is being made, and leaves nothing of it. */
  close(): Promise<void>;
}

const STOPPED = "the exchange stopped before the backup was whole; make it again";

export function createBackups(journal: Journal): Backups {
  let making: { thread: ErrandThread<BackupReport>; to: string } | null = null;
  let isClosed = false;
  return {
    make(to) {
      if (isClosed) return "stopping";
      if (making !== null) return "running";
      if (!isAbsolute(to)) return "relative-path";
      const order: BackupOrder = { to, toSeq: journal.lastSeq };
      const program = new URL("./backup-program.ts", import.meta.url);
      const thread = startErrandThread<BackupReport>(program, order, journal.run);
      making = { thread, to };
      return thread.done
        .catch((error: Error) => {
          throw isClosed ? new JournalError(STOPPED) : error;
        })
        .finally(() => {
          making = null;
        });
    },
    async close() {
      isClosed = true;
      if (making === null) return;
      const { thread, to } = making;
      await thread.abandon();
      rmSync(partOf(to), { force: true });
    },
  };
}
