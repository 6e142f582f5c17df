import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import { finish } from "./errands.ts";
import { journalCases } from "./journal.cases.ts";
import { storeSnapshot } from "./snapshot-storage.ts";
import { openSqliteJournal } from "./sqlite-journal.ts";
import { openSqliteStore } from "./sqlite-store.ts";

const temporaryDir = () => mkdtempSync(join(tmpdir(), "gridspot-journal-"));
const batch = (seq: number) => ({
  firstSeq: seq,
  lastSeq: seq,
  atMs: seq,
  events: Buffer.from(`event ${seq}`),
});

let dir = "";
/** A closed journal of five batches with snapshots of 3 and 4, for tests to copy and damage. */
let written = "";
let children: ChildProcess[] = [];
beforeAll(async () => {
  written = temporaryDir();
  const journal = await openSqliteJournal(written);
  for (let seq = 1; seq <= 5; seq += 1) {
    await journal.append(batch(seq));
    if (seq >= 2 && seq <= 4) {
      const snapshot = { seq, bytes: Buffer.from(`state ${seq}`) };
      await finish(storeSnapshot(snapshot, SNAPSHOT_SCHEMA_VERSION), journal.run);
    }
  }
  await journal.close();
});
afterAll(() => rmSync(written, { recursive: true, force: true }));
beforeEach(() => {
  dir = temporaryDir();
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  rmSync(dir, { recursive: true, force: true });
});

const copyWritten = () => cpSync(written, dir, { recursive: true });

/** Runs SQL on the closed journal, and returns the rows of a query. */
function sql(statement: string): unknown[] {
  const db = new Database(join(dir, "journal.db"));
  try {
    if (statement.startsWith("SELECT")) return db.prepare(statement).all();
    db.exec(statement);
    return [];
  } finally {
    db.close();
  }
}

/** Starts `appending-process.fixture.ts` from another directory, as a user may. */
function startAppending(batchBytes: number, limit = "true") {
  const program = fileURLToPath(new URL("./appending-process.fixture.ts", import.meta.url));
  const node = [process.execPath, "--import", import.meta.resolve("tsx"), program];
  const child = spawn(
    "/bin/sh",
    ["-c", `${limit} && exec "$@"`, "sh", ...node, dir, String(batchBytes)],
    { cwd: tmpdir(), stdio: ["ignore", "pipe", "inherit"] },
  );
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  return { child, lines, reader };
}

async function recoveredSeqs(): Promise<number[]> {
  const journal = await openSqliteJournal(dir);
  const seqs = [...journal.recovered.batches].map(({ firstSeq }) => firstSeq);
  await journal.close();
  return seqs;
}

describe("the SQLite journal", () => {
  journalCases((readModelSeq) => openSqliteJournal(dir, readModelSeq));

  test("each opening has an epoch of its own, and its batches carry it", async () => {
    copyWritten();
    await (await openSqliteJournal(dir)).close();
    const journal = await openSqliteJournal(dir);
    await journal.append(batch(6));
    await journal.close();
    expect(sql("SELECT epoch FROM batches WHERE first_seq >= 5")).toEqual([
      { epoch: 1 },
      { epoch: 3 },
    ]);
  });

  test("two snapshots are kept", () => {
    copyWritten();
    expect(sql("SELECT seq FROM snapshots ORDER BY seq")).toEqual([{ seq: 3 }, { seq: 4 }]);
  });

  test("nobody else on the machine can read the file", async () => {
    await (await openSqliteJournal(dir)).close();
    expect(statSync(join(dir, "journal.db")).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["read", false],
    ["written", true],
  ])(
    "a directory being %s by an exchange is refused to a second one, in words",
    async (_name, writes) => {
      const journal = await openSqliteJournal(dir);
      if (writes) await journal.append(batch(1));
      const words = `data directory ${dir} is in use by another exchange`;
      await expect(openSqliteJournal(dir)).rejects.toThrow(words);
      const { lines, child } = startAppending(100);
      await once(child, "close");
      expect(lines).toEqual([expect.stringContaining(`refused: ${words}`)]);
      await journal.close();
    },
  );

  test("a file that another exchange opened in between is not gone on with", () => {
    const file = join(dir, "journal.db");
    const first = openSqliteStore(file);
    const continueEpoch = first.claim();
    first.close();
    const goOn = () => openSqliteStore(file, { continueEpoch });
    goOn().close();
    // Only looked at: that is no other exchange.
    openSqliteStore(file).close();
    goOn().close();
    const second = openSqliteStore(file);
    second.claim();
    second.close();
    expect(goOn).toThrow("is in use by another exchange");
  });

  test.each([
    ["an altered batch", "UPDATE batches SET events = X'00' WHERE first_seq = 4", "4 to 4 was alt"],
    ["an altered first batch", "UPDATE batches SET events = X'00' WHERE first_seq = 1", "1 to 1"],
    ["an altered epoch", "UPDATE batches SET epoch = 9 WHERE first_seq = 4", "4 to 4 was altered"],
    ["an altered end", "UPDATE batches SET last_seq = 9 WHERE first_seq = 5", "5 to 9 was altered"],
    ["a missing batch", "DELETE FROM batches WHERE first_seq = 3", "event 3 is missing"],
    ["a missing first batch", "DELETE FROM batches WHERE first_seq = 1", "event 1 is missing"],
    ["a missing end", "DELETE FROM batches WHERE first_seq >= 4", "events 4 to 4 are missing"],
  ])("%s stops the start, and the words say what to do", async (_name, change, words) => {
    copyWritten();
    sql(change);
    const opening = openSqliteJournal(dir);
    await expect(opening).rejects.toThrow(words);
    await expect(opening).rejects.toThrow("restore the last backup");
    await expect(opening).rejects.toThrow(join(dir, "journal.db"));
  });

  test("a batch of another history with a hash of its own breaks the chain", async () => {
    copyWritten();
    const other = openSqliteStore(join(dir, "other.db"));
    other.claim();
    for (let seq = 1; seq <= 5; seq += 1) {
      other.append({ ...batch(seq), events: Buffer.from(`other ${seq}`) });
    }
    other.close();
    sql(`ATTACH '${join(dir, "other.db")}' AS other;
      REPLACE INTO batches SELECT * FROM other.batches WHERE first_seq = 4`);
    await expect(openSqliteJournal(dir)).rejects.toThrow("is not the one that event 5 was written");
  });

  test("what is before the older snapshot and the bytes to prove is proved on demand", async () => {
    copyWritten();
    sql("UPDATE batches SET events = X'00' WHERE first_seq = 1");
    await (await openSqliteJournal(dir, null, { proveBytes: 1 })).close();
    const words = "the batch of events 1 to 1 was altered";
    const whole = { proveBytes: Number.POSITIVE_INFINITY };
    await expect(openSqliteJournal(dir, null, whole)).rejects.toThrow(words);
    await expect(openSqliteJournal(dir, 0, { proveBytes: 1 })).rejects.toThrow(words);
  });

  test("a file of another format is refused in words", async () => {
    sql("CREATE TABLE batches (first_seq INTEGER)");
    await expect(openSqliteJournal(dir)).rejects.toThrow("another version of gridspot wrote it");
  });

  test("a journal of format 1 keeps its events; its snapshots give way to a longer replay", async () => {
    copyWritten();
    sql(`DROP TABLE snapshots; DROP TABLE snapshot_parts; PRAGMA user_version = 1;
      CREATE TABLE snapshots (seq INTEGER PRIMARY KEY, schema_version INTEGER NOT NULL,
        hash BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
      INSERT INTO snapshots VALUES (4, 1, X'00', X'00')`);
    expect(await recoveredSeqs()).toEqual([1, 2, 3, 4, 5]);
    expect(await recoveredSeqs()).toEqual([1, 2, 3, 4, 5]);
  });

  test.each([
    ["is damaged", "UPDATE snapshot_parts SET bytes = X'00' WHERE seq = 4", 3, [4, 5]],
    [
      "and the one before are damaged",
      "UPDATE snapshots SET hash = X'00'",
      undefined,
      [1, 2, 3, 4, 5],
    ],
  ])("when the newest snapshot %s the replay is longer", async (_name, change, seq, replayed) => {
    copyWritten();
    sql(change);
    const journal = await openSqliteJournal(dir);
    expect(journal.recovered.unreadable[0]).toContain("event 4 is damaged");
    expect(journal.recovered.snapshot?.seq).toBe(seq);
    expect([...journal.recovered.batches].map(({ firstSeq }) => firstSeq)).toEqual(replayed);
    await journal.close();
  });

  test("a replay from before what was proved at opening is proved first", async () => {
    copyWritten();
    sql("UPDATE batches SET events = X'00' WHERE first_seq = 1");
    sql("UPDATE snapshots SET hash = X'00'");
    const journal = await openSqliteJournal(dir, null, { proveBytes: 1 });
    expect(() => [...journal.recovered.batches]).toThrow("events 1 to 1 was altered");
    await journal.close();
  });

  test("a snapshot that is passed over gives way to the one before it, and then to none", async () => {
    copyWritten();
    const { recovered, close } = await openSqliteJournal(dir);
    const seen: [number | undefined, number[]][] = [];
    for (const why of ["is no good", "neither", "what"]) {
      const firstSeqs = [...recovered.batches].map(({ firstSeq }) => firstSeq);
      seen.push([recovered.snapshot?.seq, firstSeqs]);
      recovered.passOver(why);
    }
    expect(seen).toEqual([
      [4, [5]],
      [3, [4, 5]],
      [undefined, [1, 2, 3, 4, 5]],
    ]);
    expect(recovered.unreadable).toEqual([
      "snapshot of event 4 is no good; passed over",
      "snapshot of event 3 neither; passed over",
    ]);
    await close();
  });

  test("snapshots of another schema version are passed over", async () => {
    copyWritten();
    const journal = await openSqliteJournal(dir, null, { schemaVersion: 99 });
    expect(journal.recovered.snapshot).toBeNull();
    expect(journal.recovered.unreadable[0]).toContain("expected 99");
    await journal.close();
  });

  test("a process killed in the middle of appending loses nothing that it said was durable", async () => {
    const { child, lines, reader } = startAppending(20_000);
    while (lines.length < 30) await once(reader, "line");
    child.kill("SIGKILL");
    await once(child, "close");
    const seqs = await recoveredSeqs();
    // One more may have been synced and not yet said.
    expect(seqs.length - lines.length).toBeGreaterThanOrEqual(0);
    expect(seqs.length - lines.length).toBeLessThanOrEqual(1);
    expect(seqs).toEqual(seqs.map((_seq, index) => index + 1));
  });

  test("a disk that takes no more rejects the write and every one after it", async () => {
    // In units of 512 bytes: room for some batches, then SQLite's write fails.
    const { child, lines } = startAppending(100_000, "ulimit -f 2000");
    await once(child, "close");
    const said = lines.filter((line) => /^\d+$/.test(line));
    const [rejected = "", again = ""] = lines.slice(said.length);
    expect(said.length).toBeGreaterThan(0);
    expect(rejected).toContain("cannot be written");
    expect(again).toBe(rejected.replace("rejected", "again"));
    expect(await recoveredSeqs()).toEqual(said.map(Number));
  });
});
