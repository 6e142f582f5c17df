/** Journals that are not as they should be, backed up, verified and restored: the events are the truth. */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stateOf, writeDirectories } from "#exchange/storage.fixture.ts";
import { openStorage } from "#exchange/storage.ts";
import { backUp, restore, verify } from "./commands.ts";

let root = "";
/** Copies of a directory whose process was killed: two snapshots, and a log that holds the end. */
let killed = "";
let expected = "";
/** For one test: a copy of `killed`, a backup to make, and a directory to restore into. */
let dir = "";
let file = "";
let fresh = "";

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "gridspot-damaged-"));
  ({ killed, expected } = await writeDirectories(root));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  const place = mkdtempSync(join(root, "test-"));
  [dir, file, fresh] = [join(place, "data"), join(place, "backup"), join(place, "fresh")];
  cpSync(killed, dir, { recursive: true });
});

function sql(name: string, statement: string): void {
  const db = new Database(name);
  db.exec(statement);
  db.close();
}
const damage = (statement: string) => sql(join(dir, "journal.db"), statement);
const NEWEST = "(SELECT MAX(seq) FROM snapshots)";

/** What a start on a directory comes to. */
async function stateIn(dataDir: string) {
  const storage = await openStorage(dataDir);
  const from = storage.journal.recovered.snapshot?.seq ?? null;
  const begun = { state: stateOf(storage), from, notices: storage.notices };
  await storage.journal.close();
  storage.history.close();
  return begun;
}

/** Every file of the directory with its hash, without what SQLite shares between processes. */
function filesIn(dataDir: string): Record<string, string> {
  const names = readdirSync(dataDir).filter((name) => !name.endsWith("-shm"));
  const hash = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(dataDir, name)))
      .digest("hex");
  return Object.fromEntries(names.map((name) => [name, hash(name)]));
}

describe("a backup", () => {
  test("takes the older snapshot when the newest is damaged, and says so", async () => {
    damage(`UPDATE snapshot_parts SET bytes = X'00' WHERE seq = ${NEWEST}`);
    const told = await backUp(dir, file);
    expect(told.join("\n")).toMatch(/snapshot of event \d+ is damaged/);
    expect(verify({ file })).toMatchObject({ isSound: true });
    restore(file, fresh);
    const begun = await stateIn(fresh);
    expect(begun).toMatchObject({ state: expected, notices: [] });
    expect(begun.from).not.toBeNull();
  });

  test("takes none when both are damaged", async () => {
    damage("UPDATE snapshots SET hash = X'00'");
    const told = await backUp(dir, file);
    expect(told[0]).toContain("snapshot: none");
    expect(verify({ file })).toMatchObject({ isSound: true });
  });
});

describe("a restore leaves out a snapshot that", () => {
  test.each([
    ["is damaged", "UPDATE snapshots SET hash = X'00'", "is damaged"],
    ["says to be of another event", "UPDATE snapshots SET seq = seq - 1", "is damaged"],
  ])("%s, and says so", async (_what, statement, words) => {
    await backUp(dir, file);
    sql(file, statement);
    const verified = verify({ file });
    expect([verified.isSound, verified.lines.join("\n")]).toEqual([
      false,
      expect.stringContaining("Every event is sound."),
    ]);
    const told = restore(file, fresh).join("\n");
    expect(told).toContain(words);
    expect(told).toContain("restored without a snapshot");
    expect(await stateIn(fresh)).toEqual({ state: expected, from: null, notices: [] });
  });

  test("is whole, and not the state that its events give", async () => {
    // With the hash that goes with it, as a process with bad memory would have written it.
    const db = new Database(join(dir, "journal.db"));
    const { seq, version } = db
      .prepare("SELECT seq, schema_version AS version FROM snapshots ORDER BY seq DESC LIMIT 1")
      .get() as { seq: number; version: number };
    const bytes = db
      .prepare("SELECT bytes FROM snapshot_parts WHERE seq = ? AND part = 0")
      .pluck()
      .get(seq) as Buffer;
    const altered = Buffer.from(bytes.toString().replace('"account 1 ', '"account 9 '));
    expect(altered.equals(bytes)).toBe(false);
    const hash = createHash("sha256").update(`${seq}|${version}|`).update(altered).digest();
    db.prepare("UPDATE snapshot_parts SET bytes = ? WHERE seq = ?").run(altered, seq);
    db.prepare("UPDATE snapshots SET hash = ? WHERE seq = ?").run(hash, seq);
    db.close();
    await backUp(dir, file);
    const told = restore(file, fresh).join("\n");
    expect(told).toContain(`snapshot of event ${seq} is not the state that its events give`);
    expect(await stateIn(fresh)).toEqual({ state: expected, from: null, notices: [] });
  });
});

test("a snapshot of another schema is a note, and no reason against a backup or a restore", async () => {
  await backUp(dir, file);
  sql(file, "UPDATE snapshots SET schema_version = 1");
  const db = new Database(file);
  const part = db.prepare("SELECT seq, bytes FROM snapshot_parts").get() as {
    seq: number;
    bytes: Buffer;
  };
  const hash = createHash("sha256").update(`${part.seq}|1|`).update(part.bytes).digest();
  db.prepare("UPDATE snapshots SET hash = ?").run(hash);
  db.close();
  const { isSound, lines } = verify({ file });
  expect([isSound, lines.at(-1)]).toEqual([true, expect.stringContaining("has schema 1")]);
  expect(restore(file, fresh).join("\n")).toContain("has schema 1");
  expect(await stateIn(fresh)).toMatchObject({ state: expected, from: null });
});

describe("whoever only looks leaves a directory as it was:", () => {
  test("one whose log was never merged, which is read all the same", async () => {
    const before = filesIn(dir);
    expect(verify({ dataDir: dir })).toMatchObject({ isSound: true });
    expect(verify({ file: join(dir, "journal.db") })).toMatchObject({ isSound: true });
    await backUp(dir, file);
    restore(join(dir, "journal.db"), fresh);
    expect(filesIn(dir)).toEqual(before);
    for (const restored of [dir, fresh]) {
      expect(await stateIn(restored)).toMatchObject({ state: expected });
    }
  });

  test("one of format 1, whose snapshots do not count", async () => {
    damage(`DROP TABLE snapshots; DROP TABLE snapshot_parts; PRAGMA user_version = 1;
      CREATE TABLE snapshots (seq INTEGER PRIMARY KEY, schema_version INTEGER NOT NULL,
        hash BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
      INSERT INTO snapshots VALUES (4, 1, X'00', X'00')`);
    const before = filesIn(dir);
    const { isSound, lines } = verify({ dataDir: dir });
    expect([isSound, lines[1]]).toEqual([true, expect.stringContaining("snapshots: 0")]);
    await backUp(dir, file);
    const { "journal.db-wal": log, ...after } = filesIn(dir);
    expect(after).toEqual(before);
    expect(log).toBe(createHash("sha256").digest("hex"));
    restore(file, fresh);
    expect(await stateIn(fresh)).toMatchObject({ state: expected });
  });

  test("what looking leaves behind is in nobody's way", async () => {
    await backUp(dir, file);
    await stateIn(dir);
    verify({ dataDir: dir });
    for (const name of ["journal.db", "history.db", "history.db-wal", "history.db-shm"]) {
      rmSync(join(dir, name), { force: true });
    }
    expect(existsSync(join(dir, "journal.db-wal"))).toBe(true);
    restore(file, dir);
    expect(await stateIn(dir)).toMatchObject({ state: expected, notices: [] });
  });
});
