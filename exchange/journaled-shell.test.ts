import { expect, test } from "vitest";
import { manualClock } from "#exchange/clock.ts";
import { createCore } from "#exchange/core/core.ts";
import type { Batch, Journal } from "#exchange/journal/journal.ts";
import { createMemoryJournal, createMemoryStore } from "#exchange/journal/memory-journal.ts";
import { createShell } from "./journaled-shell.ts";
import { recoverCore } from "./recovery.ts";

const open = (name: string) => ({ type: "open-account" as const, name, mode: "easy" as const });

/** A journal whose appends wait until the test lets them through. */
function slowJournal() {
  const appended: Batch[] = [];
  const gates: { let: () => void; fail: (error: Error) => void }[] = [];
  const journal: Journal = {
    recovered: { snapshot: null, batches: [] },
    append: (batch) =>
      new Promise((resolve, reject) => {
        appended.push(batch);
        gates.push({ let: resolve, fail: reject });
      }),
    saveSnapshot: async () => {},
    close: async () => {},
  };
  return { journal, appended, gates };
}

function shellOn(journal: Journal) {
  const fatal: Error[] = [];
  const core = createCore();
  const shell = createShell(
    { ticks: false },
    { core, journal, clock: manualClock(1_000), onFatal: (error) => fatal.push(error) },
  );
  return { shell, fatal, core };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("nothing is released before the batch that covers it is durable", async () => {
  const { journal, gates } = slowJournal();
  const { shell } = shellOn(journal);
  const told: string[] = [];
  shell.subscribe((events) => told.push(`events ${events.map((event) => event.seq)}`));
  void shell.execute(open("a")).then(() => told.push("answer"));
  void shell.read((state) => state.accounts.size).then((size) => told.push(`read ${size}`));
  await settle();
  expect(told).toEqual([]);
  gates[0]?.let();
  await settle();
  expect(told).toEqual(["events 1", "answer", "read 1"]);
});

test("commands that arrive during a write share the next one", async () => {
  const { journal, appended, gates } = slowJournal();
  const { shell } = shellOn(journal);
  shell.submit(open("a"));
  await settle();
  for (const name of ["b", "c", "d"]) shell.submit(open(name));
  expect(appended.map((batch) => [batch.firstSeq, batch.lastSeq])).toEqual([[1, 1]]);
  gates[0]?.let();
  await settle();
  expect(appended.map((batch) => [batch.firstSeq, batch.lastSeq])).toEqual([
    [1, 1],
    [2, 4],
  ]);
});

test("a refusal waits for what it was computed from", async () => {
  const { journal, gates } = slowJournal();
  const { shell } = shellOn(journal);
  shell.submit(open("a"));
  const refused = shell.execute({ type: "cancel-orders", account: 9, symbol: null });
  let told = false;
  void refused.then(() => {
    told = true;
  });
  await settle();
  expect(told).toBe(false);
  gates[0]?.let();
  expect((await refused).ok).toBe(false);
});

test("a failed write is fatal, releases nothing and refuses what follows", async () => {
  const { journal, gates } = slowJournal();
  const { shell, fatal } = shellOn(journal);
  let told = false;
  void shell.execute(open("a")).then(() => {
    told = true;
  });
  await settle();
  gates[0]?.fail(new Error("disk gone"));
  await settle();
  expect(fatal.map((error) => error.message)).toEqual(["disk gone"]);
  expect(told).toBe(false);
  const next = shell.submit(open("b"));
  expect(next.outcome).toMatchObject({ ok: false, rejection: { code: "overloaded" } });
});

test("a start from the journal, with and without a snapshot, gives the same bytes of state", async () => {
  const store = createMemoryStore();
  const { shell, core } = shellOn(createMemoryJournal(store));
  await shell.execute(open("a"));
  await shell.execute({
    type: "deposit",
    account: 1,
    amountMicros: 5n,
    to: "available",
    reference: "r",
  });
  const live = new TextDecoder().decode(core.snapshot());
  const replayed = recoverCore(createMemoryJournal(store).recovered);
  expect(new TextDecoder().decode(replayed.snapshot())).toBe(live);
  await shell.close();
  expect(store.snapshots.length).toBe(1);
  const restored = recoverCore(createMemoryJournal(store).recovered);
  expect(new TextDecoder().decode(restored.snapshot())).toBe(live);
});
