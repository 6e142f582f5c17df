/** Backups of a running exchange: one at a time, in a thread, between the journal's appends. */
import { isAbsolute } from "node:path";
import { type ErrandThread, startErrandThread } from "#exchange/journal/errand-thread.ts";
import type { Journal } from "#exchange/journal/journal.ts";
import type { BackupOrder, BackupReport } from "./backup-work.ts";

/** Why no backup was begun. */
export type BackupRefusal = "running" | "stopping" | "relative-path";

export interface Backups {
  /**
   * Makes a backup of everything that is durable now in a file of this machine, at an absolute path
   * where there is none. Rejects with `JournalError` when that fails; the exchange goes on.
   */
  make(to: string): Promise<BackupReport> | BackupRefusal;
  /** Gives up what is being made. */
  close(): void;
}

export function createBackups(journal: Journal): Backups {
  let making: ErrandThread<BackupReport> | null = null;
  let isClosed = false;
  return {
    make(to) {
      if (isClosed) return "stopping";
      if (making !== null) return "running";
      if (!isAbsolute(to)) return "relative-path";
      const order: BackupOrder = { to, toSeq: journal.lastSeq };
      const program = new URL("./backup-program.ts", import.meta.url);
      making = startErrandThread<BackupReport>(program, order, journal.run);
      return making.done.finally(() => {
        making = null;
      });
    },
    close() {
      isClosed = true;
      making?.abandon();
    },
  };
}
