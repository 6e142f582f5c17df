/**
 * Damage to the files while no process runs. An exchange that starts on them must refuse in words, or
 * come up with exactly the state that the undamaged files hold, which it must when only the read model
 * is damaged; afterwards the files are restored, as an operator would from a backup.
 */
import type { SqliteDatabase } from "#exchange/database.ts";
import { withFlippedBit } from "./disk/power-cut.ts";
import { openOnDisks } from "./disk/simulated-database.ts";
import type { SimulatedFile } from "./disk/simulated-disk.ts";
import { digestOf } from "./oracle.ts";
import type { Random } from "./random.ts";
import { openSimulatedStorage } from "./storage.ts";
import type { FaultKind } from "./tally.ts";
import type { World } from "./world.ts";

/** SQLite's, in which the read model is written. */
const PAGE_BYTES = 4_096;

type Start =
  | { digest: string; unreadable: number; isHistoryComplete: boolean; isRebuilt: boolean }
  | { refusal: string };

/** Sometimes damages the files in several ways, one after another, and tries to start on each. */
export async function damageAtRest(world: World, random: Random): Promise<void> {
  const history = `${world.place}/history.db`;
  if (random.oneIn(12)) {
    for (const name of [history, `${history}-wal`]) world.disk.files.delete(name);
    world.tally.hit("history.db lost");
    return;
  }
  // A power cut may take the end of history.db, by which a lost end of the journal is noticed.
  if (!world.faults.wasDiskWhole || !random.oneIn(8)) return;
  world.disk.isPaused = true;
  const files = world.disk.copyFiles();
  const whole = await tryToStart(world);
  // Only what history knows can be missed: the last batch may have become durable as the process died.
  const canTell = "digest" in whole && whole.isHistoryComplete;
  for (const damage of canTell ? damages(world, random) : []) {
    world.disk.replaceFiles(files);
    if (!damage.apply()) continue;
    const start = await tryToStart(world);
    judge(world, damage.kind, start, whole);
  }
  world.disk.replaceFiles(files);
  world.disk.isPaused = false;
}

/**
 * A bit that says where the read model stands, or of which journal it is, cannot be told from a journal
 * that lost its end, or is another's: the start is refused, in words that offer to do without it.
 */
const IS_ABOUT_THE_END = /(the end of the journal was lost|is not the journal that).* move history/;

function judge(world: World, kind: FaultKind, start: Start, whole: Start): void {
  const { tally, oracle } = world;
  if ("refusal" in start) {
    tally.saw("start refused on damage");
    tally.hit(kind);
    if (start.refusal.length < 30) oracle.breach(`${kind}: refused with "${start.refusal}" only`);
    if (kind === "history.db damaged" && !IS_ABOUT_THE_END.test(start.refusal)) {
      oracle.breach(`${kind}, and the start was refused: ${start.refusal}`);
    }
    return;
  }
  if (start.unreadable > 0) tally.saw("newest snapshot passed over");
  if (start.isRebuilt) tally.saw("read model built anew");
  tally.hit(kind);
  if (kind === "a stored batch altered" || (kind === "snapshot damaged" && !start.unreadable)) {
    oracle.breach(`${kind}, and it was not noticed`);
  }
  if ("digest" in whole && whole.digest !== start.digest) {
    oracle.breach(`${kind}: the exchange started with another state`);
  }
}

function* damages(
  world: World,
  random: Random,
): Generator<{ kind: FaultKind; apply: () => boolean }> {
  const file = (name: string) => world.disk.files.get(`${world.place}/${name}`);
  for (let flip = 0; flip < 2; flip += 1) {
    yield {
      kind: "bit flipped in journal.db",
      apply: () => flipBit(file("journal.db"), random),
    };
  }
  yield {
    kind: "bit flipped in the write-ahead log",
    apply: () => flipBit(file("journal.db-wal"), random),
  };
  yield { kind: "journal.db cut short", apply: () => cutShort(file("journal.db"), random) };
  yield {
    kind: "write-ahead log lost",
    apply: () => world.disk.files.delete(`${world.place}/journal.db-wal`),
  };
  yield {
    kind: "a stored batch altered",
    apply: () => alterRow(world, (db) => alterBatch(db, random)),
  };
  yield { kind: "snapshot damaged", apply: () => alterRow(world, alterSnapshot) };
  for (const damage of [flipBit, cutShort, losePage, becomeFolder]) {
    // While a log lies beside it the file's own pages are hardly read.
    const name = damage !== becomeFolder && random.oneIn(2) ? "history.db-wal" : "history.db";
    yield { kind: "history.db damaged", apply: () => damage(file(name), random) };
  }
}

/** Changes a row of the closed journal as SQLite writes, so that only our own hashes can tell. */
function alterRow(world: World, change: (db: SqliteDatabase) => boolean): boolean {
  const databases = openOnDisks(world.sqlite);
  try {
    const db = databases.openDatabase(`${world.place}/journal.db`);
    db.pragma("locking_mode = EXCLUSIVE");
    // The last process may have died before it made the tables.
    const isEmpty = db.prepare("SELECT COUNT(*) FROM sqlite_schema").pluck().get() === 0;
    return !isEmpty && change(db);
  } finally {
    databases.closeAll();
  }
}

function alterSnapshot(db: SqliteDatabase): boolean {
  const newest = db.prepare("SELECT MAX(seq) FROM snapshots").pluck().get();
  if (newest === null) return false;
  const change = db.prepare("UPDATE snapshot_parts SET bytes = ? WHERE seq = ? AND part = 0");
  change.run(new Uint8Array([1]), newest);
  return true;
}

function alterBatch(db: SqliteDatabase, random: Random): boolean {
  const batches = db.prepare("SELECT first_seq, events FROM batches").all() as {
    first_seq: number;
    events: Uint8Array;
  }[];
  if (batches.length === 0) return false;
  const { first_seq: firstSeq, events } = random.pick(batches);
  const change = db.prepare("UPDATE batches SET events = ? WHERE first_seq = ?");
  change.run(withFlippedBit(events, random), firstSeq);
  return true;
}

function flipBit(file: SimulatedFile | undefined, random: Random): boolean {
  if (file === undefined || file.size === 0) return false;
  file.data.set(withFlippedBit(file.data.subarray(0, file.size), random));
  return true;
}

function losePage(file: SimulatedFile | undefined, random: Random): boolean {
  if (file === undefined || file.size === 0) return false;
  const from = random.oneIn(2) ? 0 : PAGE_BYTES * random.below(Math.ceil(file.size / PAGE_BYTES));
  file.data.fill(0, from, Math.min(from + PAGE_BYTES, file.size));
  return true;
}

function becomeFolder(file: SimulatedFile | undefined): boolean {
  if (file === undefined) return false;
  file.truncate(0);
  file.isFolder = true;
  return true;
}

function cutShort(file: SimulatedFile | undefined, random: Random): boolean {
  if (file === undefined || file.size < 2) return false;
  file.truncate(random.between(1, file.size - 1));
  return true;
}

/** Goes as far as an exchange goes before its first command. */
async function tryToStart(world: World): Promise<Start> {
  const databases = openOnDisks(world.sqlite);
  const { openDatabase } = databases;
  try {
    const storage = await openSimulatedStorage(world, openDatabase);
    const { journal, core, historySeq, notices } = storage;
    const unreadable = journal.recovered.unreadable.length;
    const isHistoryComplete = historySeq === core.state.seq;
    const isRebuilt = notices.some((notice) => notice.includes("built anew"));
    return { digest: digestOf(core), unreadable, isHistoryComplete, isRebuilt };
  } catch (error) {
    return { refusal: (error as Error).message };
  } finally {
    databases.closeAll();
  }
}
