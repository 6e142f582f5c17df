/**
 * What an exchange keeps on disk, opened in the order that protects it: the journal's lock first,
 * then the read model, then the core rebuilt and the read model brought up to it. The journal is the
 * truth and is never guessed at; a read model that cannot be used is set aside and built anew.
 */
import { dirname, join } from "node:path";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import { type OpenDatabase, openNativeDatabase } from "#exchange/database.ts";
import { type History, openHistory } from "#exchange/history/history.ts";
import { DirectoryInUse, type Journal, JournalError } from "#exchange/journal/journal.ts";
import { openSqliteJournal, type ReadModelSeq } from "#exchange/journal/sqlite-journal.ts";
import { recoverCore } from "#exchange/recovery.ts";
import { nativeFiles, type StorageFiles } from "./storage-files.ts";

export interface Storage {
  journal: Journal;
  core: Core;
  /** Its `apply` leaves a note for the next start when it fails, and throws. */
  history: History;
  /** What was passed over or set aside, as sentences for the log. */
  notices: string[];
}

/** Opens a directory's journal; another than the usual one watches it, or breaks it, in a test. */
export type OpenJournal = (dataDir: string, readModelSeq: ReadModelSeq) => Promise<Journal>;

/** Where the read model's files are: on this machine, or on what a simulation puts in its place. */
export interface StorageSystem {
  openDatabase: OpenDatabase;
  files: StorageFiles;
}
interface StoragePlace extends StorageSystem {
  openJournal: OpenJournal;
}

/** The read model cannot take in what the journal holds. */
class HistoryUnusable extends Error {}

/** Told when the books are in disorder; the first ones tell the story. */
const BREACHES_TOLD_MAX = 3;

/** A full or failing disk is nothing that building anew would mend. */
const DISK_TROUBLE = /^(SQLITE_(FULL|IOERR|READONLY|CANTOPEN|BUSY|NOMEM|AUTH|PERM)|E[A-Z]+$)/;

const NATIVE: StorageSystem = { openDatabase: openNativeDatabase, files: nativeFiles };

/** Opens all of it. Throws in words that name the file, say what is wrong and what to do. */
export async function openStorage(
  dataDir: string,
  openJournal: OpenJournal = openSqliteJournal,
  system: StorageSystem = NATIVE,
): Promise<Storage> {
  const place = { openJournal, ...system };
  const { files } = place;
  useDirectory(dataDir, files);
  checkJournalIsThere(dataDir, files);
  const notices: string[] = [];
  const file = join(dataDir, "history.db");
  if (files.exists(noteOf(file))) {
    notices.push(setAside(file, "it failed while it was written", files));
  }
  try {
    return await openOnce(dataDir, notices, place);
  } catch (error) {
    if (!(error instanceof HistoryUnusable)) throw error;
    notices.push(setAside(file, error.message, files));
    return openOnce(dataDir, notices, place);
  }
}

async function openOnce(dataDir: string, notices: string[], place: StoragePlace): Promise<Storage> {
  const file = join(dataDir, "history.db");
  let history: History | null = null;
  let journal: Journal | null = null;
  try {
    // Under the journal's lock: an exchange that runs has its read model open as well.
    journal = await place.openJournal(dataDir, (mark) => {
      history = usable(file, () => openOwn(file, mark, place));
      return history.lastSeq;
    });
    const opened = history as unknown as History;
    const core = recovered(journal, join(dataDir, "journal.db"), (events) =>
      usable(file, () => opened.apply(events)),
    );
    const breaches = invariantBreaches(core.state);
    if (breaches.length > 0) {
      throw new JournalError(
        `${join(dataDir, "journal.db")} gives books in disorder at event ${core.state.seq}: ${breaches.slice(0, BREACHES_TOLD_MAX).join("; ")}. Keep a copy of the directory, and restore the last backup that gridspot exchange verify finds sound.`,
      );
    }
    notices.push(...journal.recovered.unreadable);
    return { journal, core, history: withNote(opened, file, place.files), notices };
  } catch (error) {
    (history as History | null)?.close();
    await journal?.close();
    throw error;
  }
}

function recovered(
  journal: Journal,
  file: string,
  onEvents: (events: readonly CoreEvent[]) => void,
): Core {
  try {
    return recoverCore(journal.recovered, onEvents);
  } catch (error) {
    const { message } = error as Error;
    if (!(error instanceof JournalError) || message.includes(file)) throw error;
    throw new JournalError(`${file}: ${message}`);
  }
}

/** Opens the read model, which must be that of the journal with this mark. */
function openOwn(file: string, journalMark: number | null, place: StoragePlace): History {
  if (place.files.isFolder(file)) throw new HistoryUnusable("it is a directory");
  const history = openHistory(file, place.openDatabase);
  if (journalMark === null) return history;
  if (history.journalMark === null) history.bind(journalMark);
  if (history.journalMark === journalMark) return history;
  history.close();
  throw new JournalError(
    `${join(dirname(file), "journal.db")} is not the journal that history.db beside it was built from: one of them, or journal.db-wal, is another exchange's. Restore the last backup; if you are sure of journal.db, move history.db away.`,
  );
}

/** Runs something on the read model; what only building it anew can mend becomes `HistoryUnusable`. */
function usable<R>(file: string, act: () => R): R {
  try {
    return act();
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (error instanceof JournalError) throw error;
    if (code?.startsWith("SQLITE_BUSY")) {
      throw new DirectoryInUse(
        `data directory ${dirname(file)} is in use by another exchange, which has ${file} open; stop that process or choose another data directory`,
      );
    }
    if (!DISK_TROUBLE.test(code ?? "")) throw new HistoryUnusable(message);
    throw new Error(
      `${file} cannot be used: ${message}. Check the disk's space and the file's permissions; without the file it is built anew from the journal.`,
    );
  }
}

const noteOf = (file: string) => `${file}.rebuild`;

/** A read model that breaks while the exchange runs is built anew by the next start. */
function withNote(history: History, file: string, files: StorageFiles): History {
  return {
    ...history,
    get lastSeq() {
      return history.lastSeq;
    },
    get journalMark() {
      return history.journalMark;
    },
    apply(events) {
      try {
        history.apply(events);
      } catch (error) {
        const { code } = error as Error & { code?: string };
        if (!DISK_TROUBLE.test(code ?? "")) leaveNote(file, files);
        throw error;
      }
    },
  };
}

function leaveNote(file: string, files: StorageFiles): void {
  try {
    // A name is enough, and wants no room on the disk.
    files.makeFolder(noteOf(file));
  } catch {
    // The next start finds out by itself.
  }
}

/** Moves the read model's files away, over those of the last time. */
function setAside(file: string, why: string, files: StorageFiles): string {
  for (const suffix of ["", "-wal", "-shm"]) {
    const from = file + suffix;
    if (files.exists(from)) files.rename(from, `${file}.damaged${suffix}`);
  }
  files.remove(noteOf(file));
  return `${file} was set aside as ${file}.damaged and built anew from the journal: ${why}. It could not say whether the journal's end is complete.`;
}

function useDirectory(dataDir: string, files: StorageFiles): void {
  try {
    files.useFolder(dataDir);
  } catch (error) {
    throw new Error(
      `data directory ${dataDir} cannot be used: ${(error as Error).message}. It must be a folder that this user may read and write; GRIDSPOT_DATA_DIR names another.`,
    );
  }
}

/** Where an exchange has been, a journal that is gone or empty is a loss, not a fresh start. */
function checkJournalIsThere(dataDir: string, files: StorageFiles): void {
  const sizeOf = (name: string) => files.sizeOf(join(dataDir, name));
  const size = sizeOf("journal.db");
  if (size !== null && size > 0) return;
  const signs = ["journal.db-wal", "history.db-wal", "history.db"].filter(
    (name) => (sizeOf(name) ?? 0) > 0,
  );
  // The key is made once the journal stands, and may be kept when somebody begins anew.
  if (size === 0 && sizeOf("exchange.key") !== null) signs.push("exchange.key");
  if (signs.length === 0) return;
  throw new JournalError(
    `${join(dataDir, "journal.db")} is ${size === null ? "missing" : "empty"}, but ${signs.join(", ")} shows that an exchange was here. Restore the last backup; to begin anew, move ${signs.join(", ")} away.`,
  );
}
