import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Journal, JournalReadFailed } from "#exchange/journal/journal.ts";
import { createMemoryJournal } from "#exchange/journal/memory-journal.ts";
import { createBackups } from "./backups.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-backups-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A journal of two events, the second of which is read as `read` says. */
async function journalWith(read: () => Promise<never>): Promise<Journal> {
  const journal = createMemoryJournal();
  for (const seq of [1, 2]) {
    const events = Buffer.from(`event ${seq}`);
    await journal.append({ firstSeq: seq, lastSeq: seq, atMs: seq, events });
  }
  return {
    ...journal,
    lastSeq: journal.lastSeq,
    run(errand) {
      const { afterSeq = 0 } = errand as { afterSeq?: number };
      return afterSeq === 0 ? journal.run(errand) : read();
    },
  };
}

function made(backups: ReturnType<typeof createBackups>, to: string) {
  const making = backups.make(to);
  if (typeof making === "string") throw new Error(making);
  return making;
}

test("a journal that cannot be read fails the backup, which leaves nothing behind", async () => {
  const failed = () => Promise.reject(new JournalReadFailed("cannot be read"));
  const backups = createBackups(await journalWith(failed));
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const making = made(backups, join(dir, "backup"));
    await expect(making).rejects.toThrow(JournalReadFailed);
    expect(readdirSync(dir)).toEqual([]);
  }
  await backups.close();
});

test("an exchange that stops gives up the backup that is being made, and leaves nothing of it", async () => {
  let isReading = () => {};
  const reading = new Promise<void>((resolve) => {
    isReading = resolve;
  });
  const held = () => {
    isReading();
    return new Promise<never>(() => {});
  };
  const to = join(dir, "backup");
  const backups = createBackups(await journalWith(held));
  const failed = expect(made(backups, to)).rejects.toThrow("stopped before the backup was whole");
  await reading;
  expect(existsSync(`${to}.part`)).toBe(true);
  await backups.close();
  await failed;
  expect(readdirSync(dir)).toEqual([]);
  expect(backups.make(to)).toBe("stopping");
});
