/** Data directories with a past: so many events, and a state of a given size at their end. */
import { createOrderMix, type MixOptions } from "#benchmarks/performance/durability/order-mix.ts";
import { createCore } from "#exchange/core/core.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { finishNow } from "#exchange/journal/errands.ts";
import { encodeEvents } from "#exchange/journal/event-encoding.ts";
import { storeSnapshot } from "#exchange/journal/snapshot-storage.ts";
import { openSqliteStore } from "#exchange/journal/sqlite-store.ts";

/** As a busy exchange writes them. */
const EVENTS_PER_BATCH = 500;
/** A start replays so many. */
const EVENTS_AFTER_SNAPSHOT = 1_000;
/** Lots of the past must not have expired by now. */
const AGO_MS = 3_600_000;

export type PastOptions = Pick<MixOptions, "traders" | "openOrdersPerTrader" | "asksPercent"> & {
  /** The snapshot is taken once this holds, and a few more events follow. */
  isEnough: (state: CoreState) => boolean;
};

/** Writes `journal.db` with a snapshot near its end. Returns the number of its last event. */
export function writePast(file: string, { isEnough, ...mix }: PastOptions): number {
  const store = openSqliteStore(file);
  store.claim();
  const core = createCore();
  let events: CoreEvent[] = [];
  const flush = () => {
    if (events.length === 0) return;
    const [first, last] = [events[0] as CoreEvent, events.at(-1) as CoreEvent];
    const encoded = encodeEvents(events);
    store.append({ firstSeq: first.seq, lastSeq: last.seq, atMs: last.atMs, events: encoded });
    events = [];
  };
  const keep = (emitted: readonly CoreEvent[]) => {
    events.push(...emitted);
    if (events.length >= EVENTS_PER_BATCH) flush();
  };
  let nowMs = Date.now() - AGO_MS;
  const next = createOrderMix(core, { ...mix, seed: 1, nowMs: () => nowMs, onEvents: keep });
  const run = () => {
    nowMs += 1;
    const executed = core.execute(next(), nowMs);
    if (!executed.ok) throw new Error(executed.rejection.message);
    keep(executed.events);
  };
  while (!isEnough(core.state)) run();
  flush();
  const snapshot = { seq: core.state.seq, bytes: core.snapshot() };
  finishNow(storeSnapshot(snapshot, SNAPSHOT_SCHEMA_VERSION), store.run);
  while (core.state.seq < snapshot.seq + EVENTS_AFTER_SNAPSHOT) run();
  flush();
  store.close();
  return core.state.seq;
}
