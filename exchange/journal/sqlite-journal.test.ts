import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { journalCases } from "./journal.cases.ts";
import { openSqliteJournal } from "./sqlite-journal.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-journal-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A journal of two batches and two snapshots, closed. */
async function writeJournal(): Promise<void> {
  const journal = await openSqliteJournal(dir);
  await journal.append({ firstSeq: 1, lastSeq: 2, events: Buffer.from("one") });
  await journal.saveSnapshot({ seq: 2, bytes: Buffer.from("state 2") });
  await journal.append({ firstSeq: 3, lastSeq: 3, events: Buffer.from("two") });
  await journal.saveSnapshot({ seq: 3, bytes: Buffer.from("state 3") });
  await journal.close();
}

function change(sql: string): void {
  const db = new Database(join(dir, "journal.db"));
  db.exec(sql);
  db.close();
}

describe("the SQLite journal", () => {
  journalCases(() => openSqliteJournal(dir));

  test("a second exchange on the same directory is refused in words", async () => {
    const journal = await openSqliteJournal(dir);
    await expect(openSqliteJournal(dir)).rejects.toThrow("in use by another exchange");
    await journal.close();
  });

  test.each([
    [
      "an altered batch",
      "UPDATE batches SET events = X'00' WHERE first_seq = 3",
      "3 to 3 was altered",
    ],
    ["a missing batch", "DELETE FROM batches WHERE first_seq = 1", "event 1 is missing"],
  ])("%s stops the start and says what to do", async (_name, sql, words) => {
    await writeJournal();
    change(sql);
    const opening = openSqliteJournal(dir);
    await expect(opening).rejects.toThrow(words);
    await expect(opening).rejects.toThrow("restore the last backup");
  });

  test("an unreadable newest snapshot falls back to the older one and a longer replay", async () => {
    await writeJournal();
    change("UPDATE snapshots SET bytes = X'00' WHERE seq = 3");
    const journal = await openSqliteJournal(dir);
    expect(journal.recovered.snapshot?.seq).toBe(2);
    expect([...journal.recovered.batches].map((batch) => batch.firstSeq)).toEqual([3]);
    await journal.close();
  });
});
