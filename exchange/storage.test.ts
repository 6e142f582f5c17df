/**
 * Damage of every kind to the files of a data directory. Whatever it is, a start either gives the very
 * state that was there, or is refused in one message that names the file, what is wrong and what to do.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CoreEvent } from "#exchange/core/events.ts";
import { shellOver, stateOf, writeDirectories } from "./storage.fixture.ts";
import { openStorage, type Storage } from "./storage.ts";

let root = "";
/** Copy of a directory whose process was killed: two snapshots, and a log that holds the end. */
let killed = "";
/** The same after an orderly stop. */
let stopped = "";
let dir = "";
/** State and read model that any start must come to, as text. */
let expected = "";

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "gridspot-damage-"));
  ({ killed, stopped, expected } = await writeDirectories(root));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  dir = mkdtempSync(join(root, "copy-"));
});
afterEach(() => {
  chmodSync(dir, 0o700);
  rmSync(dir, { recursive: true, force: true });
});

const at = (name: string) => join(dir, name);
const use = (from: string) => cpSync(from, dir, { recursive: true });

/** What a start comes to: `null` for the expected state, else the refusal; `notices` either way. */
async function start(): Promise<{ refused: string | null; notices: string[] }> {
  let storage: Storage;
  try {
    storage = await openStorage(dir);
  } catch (error) {
    return { refused: (error as Error).message, notices: [] };
  }
  const { notices } = storage;
  expect(stateOf(storage)).toBe(expected);
  await storage.journal.close();
  storage.history.close();
  return { refused: null, notices };
}

function sql(file: string, statement: string): void {
  const db = new Database(at(file));
  db.exec(statement);
  db.close();
}

function flip(file: string, offset: number, bit = 0): void {
  const bytes = readFileSync(at(file));
  bytes[offset] = (bytes[offset] as number) ^ (1 << bit);
  writeFileSync(at(file), bytes);
}

const zero = (file: string, from: number, to: number) => {
  const bytes = readFileSync(at(file));
  writeFileSync(at(file), bytes.fill(0, from, Math.min(to, bytes.length)));
};
const replaceByDirectory = (name: string) => {
  moveAway(name);
  mkdirSync(at(name));
};
const replaceBySql = (name: string, statement: string) => {
  moveAway(name);
  sql(name, statement);
};
const moveAway = (...names: string[]) => {
  for (const name of names) rmSync(at(name), { recursive: true, force: true });
};
const withoutHistory = () => moveAway("history.db", "history.db-wal", "history.db-shm");
/** A directory of another exchange, that has had a longer life. */
async function another(): Promise<string> {
  const other = mkdtempSync(join(root, "other-"));
  const storage = await openStorage(other);
  const shell = shellOver(storage, 1_000);
  for (let number = 1; number <= 60; number += 1) {
    await shell.execute({ type: "open-account", name: `other ${number}`, mode: "advanced" });
  }
  cpSync(other, `${other}-killed`, { recursive: true });
  await storage.journal.close();
  storage.history.close();
  return `${other}-killed`;
}

test("what is not damaged starts, killed or stopped, with or without its read model", async () => {
  for (const from of [killed, stopped]) {
    rmSync(dir, { recursive: true });
    use(from);
    expect(await start()).toEqual({ refused: null, notices: [] });
    withoutHistory();
    expect(await start()).toEqual({ refused: null, notices: [] });
  }
});

type Damage = [what: string, from: () => string, damage: () => unknown, words: string];

describe("a journal is refused, not guessed at, when", () => {
  const fromKilled = () => killed;
  const fromStopped = () => stopped;
  test.each<Damage>([
    ["cut in half", fromStopped, () => truncateSync(at("journal.db"), 16_384), "is damaged"],
    ["its header is zero", fromStopped, () => zero("journal.db", 0, 100), "is damaged"],
    ["all of it is zero", fromStopped, () => zero("journal.db", 0, 1 << 30), "is damaged"],
    [
      "its pages after the first are zero",
      fromStopped,
      () => zero("journal.db", 4096, 1 << 30),
      "is damaged",
    ],
    ["empty", fromStopped, () => truncateSync(at("journal.db"), 0), "is empty, but"],
    [
      "empty, with nothing but its log beside it",
      fromKilled,
      () => {
        withoutHistory();
        truncateSync(at("journal.db"), 0);
      },
      "journal.db-wal shows that an exchange was here",
    ],
    [
      "empty, with nothing but the exchange's key beside it",
      fromStopped,
      () => {
        withoutHistory();
        truncateSync(at("journal.db"), 0);
        writeFileSync(at("exchange.key"), "key");
      },
      "exchange.key shows that an exchange was here",
    ],
    ["gone", fromStopped, () => moveAway("journal.db"), "is missing, but history.db"],
    ["a directory", fromStopped, () => replaceByDirectory("journal.db"), "file"],
    [
      "its log is gone",
      fromKilled,
      () => moveAway("journal.db-wal"),
      "the end of the journal was lost",
    ],
    [
      "its log is another exchange's",
      fromStopped,
      async () => copyFileSync(join(await another(), "journal.db-wal"), at("journal.db-wal")),
      "",
    ],
    [
      "it is another exchange's altogether",
      fromStopped,
      async () => {
        moveAway("journal.db");
        cpSync(await another(), dir, {
          recursive: true,
          filter: (from) => !from.includes("history"),
        });
      },
      "is not the journal that history.db",
    ],
    [
      "its end is cut off cleanly, snapshots and all",
      fromStopped,
      () => {
        sql("journal.db", "DELETE FROM snapshots; DELETE FROM batches WHERE first_seq > 9");
      },
      "the end of the journal was lost",
    ],
    [
      "a database of something else",
      fromStopped,
      () => replaceBySql("journal.db", "CREATE TABLE songs (title TEXT)"),
      "another version of gridspot wrote it",
    ],
    [
      "a database of something else that says to be ours",
      fromStopped,
      () => replaceBySql("journal.db", "CREATE TABLE songs (title TEXT); PRAGMA user_version = 2"),
      "is no journal of gridspot",
    ],
    [
      "words",
      fromStopped,
      () => writeFileSync(at("journal.db"), "words ".repeat(999)),
      "is damaged",
    ],
    [
      "of a later format",
      fromStopped,
      () => sql("journal.db", "PRAGMA user_version = 99"),
      "format 99",
    ],
    [
      "an event of it is altered",
      fromStopped,
      () => sql("journal.db", "UPDATE batches SET events = X'7b7d0a' WHERE first_seq = 20"),
      "was altered",
    ],
  ])("%s", async (_what, from, damage, words) => {
    use(from());
    await damage();
    const { refused } = await start();
    expect(refused).toContain(at("journal.db"));
    expect(refused).toContain(words);
    expect(refused).toMatch(/[Rr]estore|Start|another|must be/);
    expect(refused).not.toContain("\n");
    // Nor does a second start, as if the first had mended something by forgetting.
    expect((await start()).refused).not.toBeNull();
  });
});

describe("a read model is built anew, and nothing of the journal is lost, when", () => {
  const file = "history.db";
  test.each<[string, () => unknown, boolean]>([
    ["cut in half", () => truncateSync(at(file), 16_384), true],
    ["its header is zero", () => zero(file, 0, 100), true],
    ["all of it is zero", () => zero(file, 0, 1 << 30), true],
    ["empty", () => truncateSync(at(file), 0), false],
    ["gone", withoutHistory, false],
    ["a directory", () => replaceByDirectory(file), true],
    ["words", () => writeFileSync(at(file), "words ".repeat(999)), true],
    ["a database of something else", () => replaceBySql(file, "CREATE TABLE a (b)"), false],
    ["of another version", () => sql(file, "PRAGMA user_version = 99"), false],
    ["it has lost a table", () => sql(file, "DROP TABLE orders"), true],
    ["it failed while it was written", () => mkdirSync(at("history.db.rebuild")), true],
  ])("%s", async (_what, damage, isTold) => {
    use(stopped);
    await damage();
    const { refused, notices } = await start();
    expect(refused).toBeNull();
    expect(notices).toEqual(isTold ? [expect.stringContaining("built anew")] : []);
    expect(existsSync(at("history.db.damaged"))).toBe(isTold);
    expect(await start()).toEqual({ refused: null, notices: [] });
  });

  test("it breaks while the exchange runs: by the next start", async () => {
    use(stopped);
    const storage = await openStorage(dir);
    const seq = storage.history.lastSeq + 9;
    const event = { type: "time-passed", version: 1, seq, atMs: 1 } as CoreEvent;
    expect(() => storage.history.apply([event])).toThrow("catch up");
    await storage.journal.close();
    storage.history.close();
    const { refused, notices } = await start();
    expect([refused, notices.length]).toEqual([null, 1]);
  });
});

test("no flipped bit changes the state: it is refused, or of no consequence", async () => {
  const size = statSync(join(stopped, "journal.db")).size;
  const outcomes = new Set<boolean>();
  await fc.assert(
    fc.asyncProperty(fc.nat(size - 1), fc.nat(7), async (offset, bit) => {
      rmSync(dir, { recursive: true });
      use(stopped);
      flip("journal.db", offset, bit);
      const { refused } = await start();
      if (refused !== null) expect(refused).toContain(at("journal.db"));
      outcomes.add(refused === null);
    }),
    { numRuns: 300 },
  );
  expect(outcomes.size).toBe(2);
});
