import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { manualClock } from "#exchange/clock.ts";
import { createCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { encodeEvents } from "#exchange/journal/event-encoding.ts";
import { type Batch, JournalError } from "#exchange/journal/journal.ts";
import { openSqliteJournal } from "#exchange/journal/sqlite-journal.ts";
import { createShell } from "./journaled-shell.ts";
import { type Replayable, recoverCore } from "./recovery.ts";

const text = (core: Core) => new TextDecoder().decode(core.snapshot());

/** A core after `accounts` commands, and the events of each. */
function live(accounts: number) {
  const core = createCore();
  const events: CoreEvent[] = [];
  for (let number = 1; number <= accounts; number += 1) {
    const command = {
      type: "open-account" as const,
      name: `account ${number}`,
      mode: "easy" as const,
    };
    events.push(...core.execute(command, 1_000 * number).events);
  }
  return { core, events };
}

function batchOf(events: readonly CoreEvent[]): Batch {
  const [first, last] = [events[0] as CoreEvent, events.at(-1) as CoreEvent];
  return { firstSeq: first.seq, lastSeq: last.seq, atMs: last.atMs, events: encodeEvents(events) };
}

const recovered = (batches: Batch[], core: Core | null = null): Replayable => ({
  snapshot: core === null ? null : { seq: core.state.seq, bytes: core.snapshot() },
  batches,
  unreadable: [],
});

test("batches alone, and a snapshot with a batch that straddles it, give the bytes of the live state", () => {
  const { core, events } = live(5);
  const batches = [batchOf(events.slice(0, 2)), batchOf(events.slice(2))];
  expect(text(recoverCore(recovered(batches)))).toBe(text(core));
  expect(text(recoverCore(recovered(batches.slice(1), live(3).core)))).toBe(text(core));
  expect(text(recoverCore(recovered([], core)))).toBe(text(core));
});

test("read models see every batch that was read, also those before the snapshot", () => {
  const { core, events } = live(4);
  const seen: number[] = [];
  const batches = [
    batchOf(events.slice(0, 1)),
    batchOf(events.slice(1, 3)),
    batchOf(events.slice(3)),
  ];
  recoverCore(recovered(batches, core), (replayed) => seen.push(...replayed.map(({ seq }) => seq)));
  expect(seen).toEqual([1, 2, 3, 4]);
});

const { events } = live(4);
test.each([
  ["at the start", recovered([batchOf(events.slice(1))]), "event 1 is missing"],
  [
    "between two batches",
    recovered([batchOf(events.slice(0, 1)), batchOf(events.slice(2))]),
    "event 2 is missing",
  ],
  [
    "before the snapshot",
    recovered([batchOf(events.slice(0, 1)), batchOf(events.slice(2))], live(4).core),
    "event 2 is missing",
  ],
  [
    "inside a batch",
    recovered([
      { ...batchOf(events), events: encodeEvents([...events.slice(0, 1), ...events.slice(2)]) },
    ]),
    "holds 3, event 3 out of its place",
  ],
  ["at the end of a batch", recovered([{ ...batchOf(events), lastSeq: 5 }]), "1 to 5 holds 4"],
])("an event that is missing %s stops the start", (_where, from, words) => {
  expect(() => recoverCore(from)).toThrow(JournalError);
  expect(() => recoverCore(from)).toThrow(words);
});

test("an event that does not fit the state stops the start, and the words name it", () => {
  const broken = { type: "order-rested", version: 1, seq: 1, atMs: 1, order: 9 } as CoreEvent;
  expect(() => recoverCore(recovered([batchOf([broken])]))).toThrow("event 1 (order-rested)");
});

test("a snapshot that holds another state than it says is refused", () => {
  const { snapshot, ...rest } = recovered([], live(3).core);
  const wrong = { ...rest, snapshot: snapshot && { ...snapshot, seq: 2 } };
  expect(() => recoverCore(wrong)).toThrow("snapshot of event 2 holds the state at 3");
});

test("what a shell wrote to a real journal gives the bytes of the live state, with and without a snapshot", async () => {
  const dir = mkdtempSync(join(tmpdir(), "gridspot-recovery-"));
  try {
    const failed = (error: Error) => {
      throw error;
    };
    for (let start = 1; start <= 3; start += 1) {
      const journal = await openSqliteJournal(dir);
      const core = recoverCore(journal.recovered);
      const ticker = () => () => {};
      const dependencies = { core, journal, clock: manualClock(start), onFatal: failed, ticker };
      const shell = createShell({}, dependencies);
      await shell.execute({ type: "open-account", name: `account ${start}`, mode: "easy" });
      // The first start leaves no snapshot behind, as a killed process would.
      await (start === 1 ? journal : shell).close();
      const again = await openSqliteJournal(dir);
      expect(again.recovered.snapshot?.seq).toBe(start === 1 ? undefined : start);
      expect(text(recoverCore(again.recovered))).toBe(text(core));
      await again.close();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
