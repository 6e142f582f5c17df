/**
 * Books in disorder from end to end: trading stops, the process stops, and the next start begins with
 * what the events give and with nothing that memory, or a snapshot, made of them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import { watchInvariants } from "#exchange/invariant-watch.ts";
import { finish } from "#exchange/journal/errands.ts";
import { encodeEvents } from "#exchange/journal/event-encoding.ts";
import { storeSnapshot } from "#exchange/journal/snapshot-storage.ts";
import { recoverCore } from "#exchange/recovery.ts";
import { shellOver, stateOf } from "./storage.fixture.ts";
import { openStorage, type Storage } from "./storage.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-disorder-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Money held for a bid that is in no book. */
const STRAY_HOLD: Posting[] = [
  { kind: "move", from: "world", to: "1:bond", amount: 5n },
  { kind: "hold", hold: "bid77", from: "1:bond", amount: 5n },
];
const spoil = ({ state }: Core) => state.ledger.apply(STRAY_HOLD);

async function openAccounts(storage: Storage, count: number) {
  const shell = shellOver(storage, 1_000);
  for (let number = 1; number <= count; number += 1) {
    await shell.execute({ type: "open-account", name: `account ${number}`, mode: "easy" });
  }
  return shell;
}

/** Starts, opens so many accounts and stops in order, which leaves a snapshot. */
async function live(accounts: number): Promise<string> {
  const storage = await openStorage(dir);
  await (await openAccounts(storage, accounts)).close();
  storage.history.close();
  return stateOf(storage);
}

/** What a start comes to, with the snapshot it began with. */
async function start() {
  const storage = await openStorage(dir);
  const { notices, journal, history } = storage;
  const begun = { state: stateOf(storage), from: journal.recovered.snapshot?.seq ?? null, notices };
  await journal.close();
  history.close();
  return begun;
}

/** Makes the state at the end, spoiled, the newest snapshot. */
async function storeSpoiled(): Promise<void> {
  const storage = await openStorage(dir);
  const spoiled = recoverCore(storage.journal.recovered);
  spoil(spoiled);
  const snapshot = { seq: spoiled.state.seq, bytes: spoiled.snapshot() };
  await finish(storeSnapshot(snapshot, SNAPSHOT_SCHEMA_VERSION), storage.journal.run);
  await storage.journal.close();
  storage.history.close();
}

test("memory in disorder stops trading, is not kept at the stop, and is gone at the next start", async () => {
  await live(3);
  const storage = await openStorage(dir);
  const shell = await openAccounts(storage, 2);
  const expected = stateOf(storage);
  spoil(storage.core);
  const said: object[] = [];
  const log = { fatal: (record: object) => void said.push(record) };
  let look = () => {};
  const ticker = (run: () => void) => {
    look = run;
    return () => {};
  };
  watchInvariants({}, { shell, log, ticker });
  look();
  expect(shell.stoppedBecause).toContain("bid77");
  const refused = await shell.execute({ type: "open-account", name: "late", mode: "easy" });
  expect(refused).toMatchObject({ ok: false, rejection: { code: "trading-stopped" } });
  await shell.close();
  storage.history.close();
  expect(said).toHaveLength(1);
  expect(await start()).toEqual({ state: expected, from: 3, notices: [] });
});

test("a snapshot in disorder gives way to the older one, with a notice", async () => {
  const first = await live(3);
  const storage = await openStorage(dir);
  const expected = await openAccounts(storage, 2).then(() => stateOf(storage));
  await storage.journal.close();
  storage.history.close();
  expect(expected).not.toBe(first);
  await storeSpoiled();
  const notice = expect.stringMatching(/^snapshot of event 5 holds books in disorder: .*bid77/);
  expect(await start()).toEqual({ state: expected, from: 3, notices: [notice] });
});

test("when every snapshot is in disorder all events are replayed, and the read model loses nothing", async () => {
  const expected = await live(3);
  await storeSpoiled();
  for (const suffix of ["", "-wal", "-shm"]) {
    rmSync(join(dir, `history.db${suffix}`), { force: true });
  }
  const notices = [expect.stringContaining("snapshot of event 3 holds books in disorder")];
  expect(await start()).toEqual({ state: expected, from: null, notices });
});

test("a snapshot that is in order but does not go with the events after it gives way as well", async () => {
  await live(3);
  const storage = await openStorage(dir);
  const wrong = recoverCore(storage.journal.recovered);
  const [move] = STRAY_HOLD as [Posting];
  await append(storage, 4, [move]);
  wrong.state.seq = 4;
  const snapshot = { seq: 4, bytes: wrong.snapshot() };
  await finish(storeSnapshot(snapshot, SNAPSHOT_SCHEMA_VERSION), storage.journal.run);
  // Of money that the state in that snapshot does not have.
  await append(storage, 5, [{ kind: "move", from: "1:bond", to: "2:bond", amount: 5n }]);
  await storage.journal.close();
  storage.history.close();
  const words = "snapshot of event 4 does not go with what followed: event 5 (funds-deposited)";
  expect(await start()).toMatchObject({ from: 3, notices: [expect.stringContaining(words)] });
});

test("events that give books in disorder are refused, in words", async () => {
  await live(3);
  const storage = await openStorage(dir);
  await append(storage, 4, STRAY_HOLD);
  await storage.journal.close();
  storage.history.close();
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const words =
      /journal.db gives books in disorder at event 4: .*bid77.* restore the last backup/;
    await expect(openStorage(dir)).rejects.toThrow(words);
  }
});

/** Writes an event that no command would give. */
async function append({ journal, core }: Storage, seq: number, postings: Posting[]): Promise<void> {
  const atMs = core.state.nowMs;
  const rest = { account: 1, amountMicros: 5n, to: "bond", reference: `wire ${seq}`, digest: "" };
  const event = { type: "funds-deposited", version: 1, seq, atMs, ...rest, postings } as CoreEvent;
  await journal.append({ firstSeq: seq, lastSeq: seq, atMs, events: encodeEvents([event]) });
}
