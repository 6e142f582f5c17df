import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import { finish } from "#exchange/journal/errands.ts";
import type { ChainedBatch } from "#exchange/journal/journal.ts";
import { createMemoryJournal, createMemoryStore } from "#exchange/journal/memory-journal.ts";
import { storeSnapshot } from "#exchange/journal/snapshot-storage.ts";
import { openSqliteJournal } from "#exchange/journal/sqlite-journal.ts";
import { recoverCore } from "#exchange/recovery.ts";
import { followerInTurns } from "./follower.ts";
import { startFollowerThread } from "./follower-thread.ts";
import { heldFollower, seqs, startShell, text } from "./snapshots.fixture.ts";

/** One letter of an account's name becomes another: the event is as good as before. */
function flipName(batch: ChainedBatch | undefined): void {
  if (batch === undefined) throw new Error("no such batch");
  const at = Buffer.from(batch.events).indexOf('"name":"a"') + '"name":"'.length;
  batch.events[at] = (batch.events[at] as number) ^ 2;
}

describe.each([
  ["in turns", () => followerInTurns(setImmediate)],
  ["in a thread", () => startFollowerThread],
])("a follower %s", (_where, follower) => {
  let dir = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gridspot-snapshots-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** Runs a follower beside appends; returns the live state at `toSeq`, as text. */
  async function follow(toSeq: number): Promise<string> {
    const journal = await openSqliteJournal(dir);
    const { core, grow } = startShell(journal, heldFollower().start);
    await grow(toSeq - core.state.seq);
    const atSeq = text(core);
    const { done } = follower()(toSeq, journal.run);
    await grow(3);
    await done;
    await journal.close();
    return atSeq;
  }

  test("stores the very bytes of the live state, from the first event and from a snapshot", async () => {
    for (const toSeq of [4, 9]) {
      const atSeq = await follow(toSeq);
      const journal = await openSqliteJournal(dir);
      expect(journal.recovered.snapshot?.seq).toBe(toSeq);
      expect(new TextDecoder().decode(journal.recovered.snapshot?.bytes)).toBe(atSeq);
      await journal.close();
    }
  });

  test("passes over a snapshot in disorder, and says so of no journal that is sound", async () => {
    const atSeq = await follow(4);
    const journal = await openSqliteJournal(dir);
    const { core, grow } = startShell(journal, heldFollower().start);
    const spoiled = recoverCore(journal.recovered);
    await grow(5 - core.state.seq);
    spoiled.state.seq = 5;
    spoiled.state.ledger.apply([
      { kind: "move", from: "world", to: "1:bond", amount: 5n },
      { kind: "hold", hold: "bid77", from: "1:bond", amount: 5n },
    ]);
    const bytes = spoiled.snapshot();
    await finish(storeSnapshot({ seq: 5, bytes }, SNAPSHOT_SCHEMA_VERSION), journal.run);
    await grow(2);
    const live = text(core);
    expect(await follower()(core.state.seq, journal.run).done).toEqual([]);
    await journal.close();
    const again = await openSqliteJournal(dir);
    expect(new TextDecoder().decode(again.recovered.snapshot?.bytes)).toBe(live);
    expect(live).not.toBe(atSeq);
    await again.close();
  });

  test.each([
    ["altered", (batches: ChainedBatch[]) => flipName(batches[1]), "2 to 2 was altered"],
    ["gone", (batches: ChainedBatch[]) => batches.splice(1, 1), "event 2 is missing"],
    ["gone at the start", (batches: ChainedBatch[]) => batches.shift(), "event 1 is missing"],
  ])("makes no truth of a batch that is %s", async (_what, damage, words) => {
    const store = createMemoryStore();
    const journal = createMemoryJournal(store);
    await startShell(journal, heldFollower().start).grow(3);
    damage(store.batches);
    const [problem, ...more] = await follower()(3, journal.run).done;
    expect(problem).toContain(words);
    expect([more, seqs(store)]).toEqual([[], []]);
  });

  test("proves the first batch after a snapshot as well", async () => {
    const store = createMemoryStore();
    const journal = createMemoryJournal(store);
    const { grow } = startShell(journal, heldFollower().start);
    await grow(1);
    expect(await follower()(1, journal.run).done).toEqual([]);
    await grow(1);
    flipName(store.batches[1]);
    expect((await follower()(2, journal.run).done)[0]).toContain("2 to 2 was altered");
    expect(seqs(store)).toEqual([1]);
  });

  test("says when the journal cannot be replayed", async () => {
    const journal = await openSqliteJournal(dir);
    const events = Buffer.from('{"type":"order-rested","version":1,"seq":1,"atMs":1,"order":9}\n');
    await journal.append({ firstSeq: 1, lastSeq: 1, atMs: 1, events });
    const { done } = follower()(1, journal.run);
    expect(await done).toEqual([expect.stringContaining("does not fit the state before it")]);
    await journal.close();
  });
});
