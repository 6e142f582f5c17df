import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { journalCases } from "#exchange/journal/journal.cases.ts";
import { openSqliteJournal } from "#exchange/journal/sqlite-journal.ts";
import { Random } from "#simulation/random.ts";
import { inProcessWriter } from "./in-process-writer.ts";
import { fateOf, POWER_CUTS } from "./power-cut.ts";
import { openOnDisks, type SimulatedDatabases } from "./simulated-database.ts";
import { SimulatedDisk, SimulatedFile } from "./simulated-disk.ts";
import { loadSqliteOnDisks, type SqliteOnDisks } from "./sqlite-vfs.ts";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
let sqlite: SqliteOnDisks;
let disk: SimulatedDisk;
let place = "";
let databases: SimulatedDatabases;
beforeAll(async () => {
  sqlite = await loadSqliteOnDisks();
});
beforeEach(() => {
  disk = new SimulatedDisk();
  place = sqlite.mount(disk);
  databases = openOnDisks(sqlite);
});
afterEach(() => {
  databases.closeAll();
  sqlite.unmount(place);
});

const open = (readModelSeq: number | null = null) =>
  openSqliteJournal(place, readModelSeq, {
    openDatabase: databases.openDatabase,
    startWriter: (data) =>
      inProcessWriter(data, databases.openDatabase, (run) => queueMicrotask(run)),
  });
const batch = (seq: number) => ({
  firstSeq: seq,
  lastSeq: seq,
  atMs: seq,
  events: Buffer.from(`event ${seq}`.repeat(100)),
});

describe("the SQLite journal on a simulated disk", () => {
  journalCases((readModelSeq) => open(readModelSeq ?? null));

  test("runs the version of SQLite that production runs", async () => {
    const { default: Database } = await import("better-sqlite3");
    const native = new Database(":memory:").prepare("SELECT sqlite_version()").pluck().get();
    expect(sqlite.sqlite3.version.libVersion).toBe(native);
  });

  test.each(POWER_CUTS)(
    `keeps what it said was durable through a power cut: %s (seed ${SEED})`,
    async (cut) => {
      const random = new Random(SEED);
      let durable = 0;
      for (let life = 0; life < 20; life += 1) {
        const diesAt = disk.operations + random.between(10, 200);
        disk.gate = () => (disk.operations >= diesAt ? "killed" : null);
        try {
          const journal = await open();
          for (let seq = journal.lastSeq + 1; !disk.isProcessDead; seq += 1) {
            await journal.append(batch(seq));
            durable = seq;
          }
        } catch {
          // The process died in the middle of something.
        }
        databases.closeAll();
        disk.cutPower(fateOf(cut, random), random);
        disk.restart();
        disk.gate = () => null;
        const journal = await open();
        const seqs = [...journal.recovered.batches].map(({ firstSeq }) => firstSeq);
        expect(seqs.length).toBeGreaterThanOrEqual(durable);
        expect(seqs.length).toBeLessThanOrEqual(durable + 1);
        durable = seqs.length;
        await journal.close();
      }
      expect(durable).toBeGreaterThan(20);
    },
  );

  test("a second process is refused while the first has the file", async () => {
    const journal = await open();
    await expect(open()).rejects.toThrow("is in use by another exchange");
    await journal.close();
    await (await open()).close();
  });

  test("a full disk and a failed sync reject the write, and what was durable is there", async () => {
    for (const [verdict, on] of [
      ["disk-full", "write"],
      ["io-error", "sync"],
    ] as const) {
      const journal = await open();
      const { lastSeq } = journal;
      await journal.append(batch(lastSeq + 1));
      disk.gate = (operation) => (operation === on ? verdict : null);
      await expect(journal.append(batch(lastSeq + 2))).rejects.toThrow("cannot be written");
      disk.gate = () => null;
      databases.closeAll();
      disk.restart();
      const again = await open();
      expect(again.lastSeq).toBeGreaterThanOrEqual(lastSeq + 1);
      await again.close();
    }
  });
});

describe("a file", () => {
  const text = (file: SimulatedFile) => new TextDecoder().decode(file.data.subarray(0, file.size));
  const bytes = (words: string) => new TextEncoder().encode(words);

  test.each([
    ["dropped", "old text"],
    ["kept", "new texts"],
  ] as const)("after a power cut its unsynced writes are %s", (cut, expected) => {
    const file = new SimulatedFile();
    file.write(0, bytes("old text"));
    file.unsynced = [];
    file.write(0, bytes("new"));
    file.write(8, bytes("s"));
    expect(text(file)).toBe("new texts");
    file.settle(fateOf(cut, new Random(1)), new Random(1));
    expect(text(file)).toBe(expected);
  });

  test("a truncation that was not synced comes back with what it cut", () => {
    const file = new SimulatedFile();
    file.write(0, bytes("old text"));
    file.unsynced = [];
    file.truncate(3);
    file.write(5, bytes("x"));
    expect(text(file)).toBe("old\0\0x");
    file.settle(() => "lost", new Random(1));
    expect(text(file)).toBe("old text");
  });

  test("torn, reordered and flipped writes happen", () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed += 1) {
      for (const cut of POWER_CUTS) {
        const random = new Random(seed);
        const file = new SimulatedFile();
        for (const [offset, words] of [
          [0, "ab"],
          [2, "cd"],
          [4, "ef"],
        ] as const) {
          file.write(offset, bytes(words));
        }
        file.settle(fateOf(cut, random), random);
        const left = text(file);
        if (cut === "reordered" && left.startsWith("\0\0cd")) seen.add("reordered");
        if (cut === "torn" && /^(abc|a|abcde)$/.test(left)) seen.add("torn");
        if (cut === "flipped" && left.length % 2 === 0 && !"abcdef".startsWith(left)) seen.add(cut);
      }
    }
    expect([...seen].sort()).toEqual(["flipped", "reordered", "torn"]);
  });
});
