import { describe, expect, test } from "vitest";
import type { Errand } from "#exchange/journal/errands.ts";
import { type Journal, JournalError, JournalReadFailed } from "#exchange/journal/journal.ts";
import { createMemoryJournal, createMemoryStore } from "#exchange/journal/memory-journal.ts";
import { followerInTurns } from "./follower.ts";
import { heldFollower, openAccount, seqs, settled, startShell, text } from "./snapshots.fixture.ts";

describe("a snapshot is due", () => {
  test("after so many events since the last, at a batch's end, and one at a time", async () => {
    const follower = heldFollower();
    const { grow } = startShell(createMemoryJournal(), follower.start);
    await grow(2);
    expect(follower.started).toEqual([]);
    await grow(6);
    expect(follower.started).toEqual([3]);
    follower.end([]);
    await settled();
    await grow(1);
    expect(follower.started).toEqual([3, 9]);
  });

  test("counted from the one that was recovered", async () => {
    const store = createMemoryStore();
    const first = startShell(createMemoryJournal(store), followerInTurns(setImmediate));
    await first.grow(2);
    await first.shell.close();
    const follower = heldFollower();
    const { grow } = startShell(createMemoryJournal(store), follower.start);
    await grow(2);
    expect(follower.started).toEqual([]);
    await grow(1);
    expect(follower.started).toEqual([5]);
  });
});

test.each([
  [
    "that only the follower failed at is told, and tried again later",
    new Error("no memory"),
    false,
  ],
  [
    "whose past cannot be read is told, and tried again later",
    new JournalReadFailed("no memory"),
    false,
  ],
  ["that the journal cannot write ends everything", new JournalError("unsound"), true],
])("a snapshot %s", async (_what, error, isFatal) => {
  const follower = heldFollower();
  const { grow, fatal, missed } = startShell(createMemoryJournal(), follower.start);
  await grow(3);
  follower.end(error);
  await settled();
  expect([fatal, missed]).toEqual(isFatal ? [["unsound"], []] : [[], ["no memory"]]);
  if (isFatal) return;
  await grow(2);
  expect(follower.started).toEqual([3]);
  await grow(1);
  expect(follower.started).toEqual([3, 6]);
});

test("a snapshot that the journal gives no sound state for stops trading; reads go on", async () => {
  const store = createMemoryStore();
  const follower = heldFollower();
  const { shell, grow, fatal, missed, disorder } = startShell(
    createMemoryJournal(store),
    follower.start,
  );
  await grow(3);
  follower.end(["order 7 is lost", "so is order 8"]);
  await settled();
  expect(disorder).toEqual([[3, ["order 7 is lost", "so is order 8"]]]);
  expect(shell.stoppedBecause).toContain("order 7 is lost");
  const { outcome } = shell.submit(openAccount("b"));
  expect(outcome).toMatchObject({ ok: false, rejection: { code: "trading-stopped" } });
  expect(await shell.read(({ seq }) => seq)).toBe(3);
  await shell.close();
  expect([fatal, missed, seqs(store)]).toEqual([[], [], []]);
});

describe("at a stop", () => {
  test("a state that trading was stopped for, or that is in disorder, is not stored", async () => {
    for (const spoil of [
      ({ shell }: ReturnType<typeof startShell>) => shell.stopTrading("its owner says so"),
      ({ core }: ReturnType<typeof startShell>) =>
        core.state.ledger.apply([
          { kind: "move", from: "world", to: "1:bond", amount: 5n },
          { kind: "hold", hold: "bid77", from: "1:bond", amount: 5n },
        ]),
    ]) {
      const store = createMemoryStore();
      const started = startShell(createMemoryJournal(store), heldFollower().start);
      await started.grow(2);
      spoil(started);
      await started.shell.close();
      expect([seqs(store), started.fatal]).toEqual([[], []]);
    }
  });

  test("everything since the last snapshot goes into a new one", async () => {
    const store = createMemoryStore();
    const { shell, core, grow } = startShell(createMemoryJournal(store), heldFollower().start);
    await grow(2);
    await shell.close();
    expect(seqs(store)).toEqual([2]);
    const { recovered } = createMemoryJournal(store);
    expect(new TextDecoder().decode(recovered.snapshot?.bytes)).toBe(text(core));
  });

  test("nothing since the last snapshot makes no new one", async () => {
    const store = createMemoryStore();
    const { shell, grow } = startShell(createMemoryJournal(store), followerInTurns(setImmediate));
    await grow(2);
    await shell.close();
    const errands: Errand[] = [];
    const journal = createMemoryJournal(store);
    const watched: Journal = {
      ...journal,
      run: (errand) => {
        errands.push(errand as Errand);
        return journal.run(errand);
      },
    };
    await startShell(watched, heldFollower().start).shell.close();
    expect(errands).toEqual([]);
  });

  test("a state too large to encode in time is left to the next start", async () => {
    const store = createMemoryStore();
    const options = { stateRowsAtStopMax: 1 };
    const { shell, grow } = startShell(createMemoryJournal(store), heldFollower().start, options);
    await grow(2);
    await shell.close();
    expect(seqs(store)).toEqual([]);
  });

  test("a snapshot under way is waited for until the time is over, then abandoned", async () => {
    const store = createMemoryStore();
    const follower = heldFollower();
    const { shell, grow, timers, fatal } = startShell(createMemoryJournal(store), follower.start);
    await grow(3);
    const closing = shell.close();
    await settled();
    expect(follower.isAbandoned()).toBe(false);
    timers.at(-1)?.();
    await closing;
    expect([follower.isAbandoned(), seqs(store), fatal]).toEqual([true, [], []]);
    // What an abandoned one comes to is nobody's business.
    follower.end(new JournalError("closed"));
    await settled();
    expect(fatal).toEqual([]);
  });
});
