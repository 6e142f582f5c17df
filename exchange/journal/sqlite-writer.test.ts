import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OpenDatabase, openNativeDatabase } from "#exchange/database.ts";
import type { Errand } from "./errands.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { createSqliteWriter } from "./sqlite-writer.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-writer-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A real writer on a disk that fails on demand where statements of this kind are run. */
function writerOnBadDisk(failing: RegExp) {
  let isBad = false;
  const openDatabase: OpenDatabase = (file) => {
    const db = openNativeDatabase(file);
    const prepare = db.prepare.bind(db);
    db.prepare = ((sql: string) => {
      const statement = prepare(sql);
      if (!failing.test(sql)) return statement;
      for (const name of ["run", "all", "get", "iterate"] as const) {
        const act = statement[name].bind(statement) as (...values: unknown[]) => unknown;
        statement[name] = ((...values: unknown[]) => {
          if (isBad) throw new Error("disk I/O error");
          return act(...values);
        }) as never;
      }
      return statement;
    }) as typeof db.prepare;
    return db;
  };
  const file = join(dir, "journal.db");
  const first = openSqliteStore(file);
  const continueEpoch = first.claim();
  first.close();
  const writer = createSqliteWriter({ file, continueEpoch, openDatabase });
  writer.answer({ type: "open" });
  const append = (seq: number) => {
    const batch = { firstSeq: seq, lastSeq: seq, atMs: seq, events: Buffer.from(`event ${seq}`) };
    return writer.answer({ type: "append", batch });
  };
  return {
    file,
    append,
    run: (errand: Errand) => writer.answer({ type: "errand", errand }),
    setBad(bad: boolean) {
      isBad = bad;
    },
    close: () => writer.answer({ type: "close" }),
  };
}

test.each<[Errand, RegExp]>([
  [{ type: "read-batches", afterSeq: 0 }, /last_seq > \?/],
  [{ type: "list-snapshots" }, /FROM snapshots ORDER/],
  [{ type: "read-snapshot-part", seq: 1, part: 0 }, /SELECT bytes/],
])("a %j that fails says so, and appends go on", (errand, failing) => {
  const { file, append, run, setBad, close } = writerOnBadDisk(failing);
  expect(append(1)).toMatchObject({ ok: true });
  setBad(true);
  const message = `${file} cannot be read: disk I/O error`;
  expect(run(errand)).toEqual({ ok: false, message, isFinal: false });
  expect(append(2)).toMatchObject({ ok: true });
  setBad(false);
  expect(run(errand)).toMatchObject({ ok: true });
  close();
});

test("a write that fails is the last thing that was tried", () => {
  const { file, append, run, setBad, close } = writerOnBadDisk(/INSERT INTO batches/);
  setBad(true);
  const refused = {
    ok: false,
    message: `${file} cannot be written: disk I/O error`,
    isFinal: true,
  };
  expect(append(1)).toEqual(refused);
  setBad(false);
  expect(append(1)).toEqual(refused);
  expect(run({ type: "list-snapshots" })).toEqual(refused);
  close();
});
