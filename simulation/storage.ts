/** The exchange's own opening of its storage, on a simulated disk. */
import type { OpenDatabase } from "#exchange/database.ts";
import { openSqliteJournal, type SqliteJournalOptions } from "#exchange/journal/sqlite-journal.ts";
import { type OpenJournal, openStorage, type Storage } from "#exchange/storage.ts";
import type { SimulatedDisk } from "./disk/simulated-disk.ts";
import { filesOn } from "./disk/simulated-files.ts";

export interface SimulatedStorage extends Storage {
  /** Where the read model stood before it was brought up to the journal. */
  historySeq: number;
}

/** Opens what is in `place` of a disk. Throws what would end the real process with a message. */
export async function openSimulatedStorage(
  { disk, place }: { disk: SimulatedDisk; place: string },
  openDatabase: OpenDatabase,
  options: SqliteJournalOptions = {},
): Promise<SimulatedStorage> {
  let historySeq = 0;
  const openJournal: OpenJournal = (dataDir, readModelSeq) =>
    openSqliteJournal(
      dataDir,
      (mark) => {
        historySeq = typeof readModelSeq === "function" ? readModelSeq(mark) : (readModelSeq ?? 0);
        return historySeq;
      },
      { ...options, openDatabase },
    );
  const storage = await openStorage(place, openJournal, { openDatabase, files: filesOn(disk) });
  return { ...storage, historySeq };
}
