/**
 * Start-up: the newest sound snapshot, then every event after it, applied and never decided again. The
 * events are the truth: a snapshot that does not go with them is passed over.
 */
import { createCore, restoreCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import { decodeEvents } from "#exchange/journal/event-encoding.ts";
import {
  type Batch,
  JournalError,
  type Recovered,
  type Snapshot,
} from "#exchange/journal/journal.ts";

/** Read models take in many small batches at once: a transaction of theirs costs more than its rows. */
const EVENTS_TOLD_AT_ONCE = 2_000;

/** What a core is rebuilt from; without `passOver` there is no other snapshot to go over to. */
export type Replayable = Omit<Recovered, "passOver"> & Partial<Pick<Recovered, "passOver">>;

/** An event and the state before it contradict each other: one of them is wrong. */
class EventMisfit extends JournalError {}

/**
 * Rebuilds the core from what a journal held; `onEvents` sees what was replayed, in order, so that
 * read models catch up, and sees it again when a snapshot turns out to be no good. Throws
 * `JournalError` when events are missing or do not fit. What all events give is not judged here.
 */
export function recoverCore(
  recovered: Replayable,
  onEvents: (events: readonly CoreEvent[]) => void = () => {},
): Core {
  for (;;) {
    const { snapshot, passOver } = recovered;
    if (snapshot === null) return replayOnto(createCore(), recovered.batches, onEvents);
    const tried = recoverFrom(snapshot, recovered.batches, onEvents);
    if (tried.ok) return tried.core;
    if (passOver === undefined) {
      throw new JournalError(`the snapshot of event ${snapshot.seq} ${tried.why}`);
    }
    passOver(tried.why);
  }
}

/** A core, or what is wrong with the snapshot, to go on from "snapshot of event 7". */
type Restored = { ok: true; core: Core } | { ok: false; why: string };

function recoverFrom(
  snapshot: Snapshot,
  batches: Iterable<Batch>,
  onEvents: (events: readonly CoreEvent[]) => void,
): Restored {
  const restored = restoreSnapshot(snapshot);
  if (!restored.ok) return restored;
  try {
    const core = replayOnto(restored.core, batches, onEvents);
    const isNews = core.state.seq > snapshot.seq;
    const why = isNews ? disorderIn(core, "and what followed give") : null;
    return why === null ? restored : { ok: false, why };
  } catch (error) {
    if (!(error instanceof EventMisfit)) throw error;
    return { ok: false, why: `does not go with what followed: ${error.message}` };
  }
}

/** The core that a snapshot holds, with its books in order. */
export function restoreSnapshot({ seq, bytes }: Snapshot): Restored {
  let core: Core;
  try {
    core = restoreCore(bytes);
  } catch (error) {
    return { ok: false, why: `cannot be restored: ${(error as Error).message}` };
  }
  if (core.state.seq !== seq) return { ok: false, why: `holds the state at ${core.state.seq}` };
  const why = disorderIn(core, "holds");
  return why === null ? { ok: true, core } : { ok: false, why };
}

function disorderIn({ state }: Core, holds: string): string | null {
  const [first] = invariantBreaches(state);
  return first === undefined ? null : `${holds} books in disorder: ${first}`;
}

function replayOnto(
  core: Core,
  batches: Iterable<Batch>,
  onEvents: (events: readonly CoreEvent[]) => void,
): Core {
  let readSeq: number | null = null;
  let untold: CoreEvent[] = [];
  for (const batch of batches) {
    // The first may start before the snapshot ends: it straddles it, or a read model lags behind it.
    if (batch.firstSeq > core.state.seq + 1 || batch.firstSeq !== (readSeq ?? batch.firstSeq)) {
      throw new JournalError(
        `event ${readSeq ?? core.state.seq + 1} is missing: the journal goes on at ${batch.firstSeq}. Restore the last backup.`,
      );
    }
    untold.push(...applyBatch(core, batch));
    if (untold.length >= EVENTS_TOLD_AT_ONCE) {
      onEvents(untold);
      untold = [];
    }
    readSeq = batch.lastSeq + 1;
  }
  if (untold.length > 0) onEvents(untold);
  return core;
}

/**
 * Applies what a batch adds to the state, and returns all of its events. Throws `JournalError` when
 * it does not hold the events that it says, or they do not fit.
 */
export function applyBatch(core: Core, batch: Batch): readonly CoreEvent[] {
  const events = decodeBatch(batch);
  for (const event of events) if (event.seq > core.state.seq) applyOne(core, event);
  return events;
}

/** Its events, which must be those that the batch says, one after another. */
function decodeBatch(batch: Batch): CoreEvent[] {
  const events = decodeEvents(batch.events);
  const expected = batch.lastSeq - batch.firstSeq + 1;
  const stray = events.find((event, index) => event.seq !== batch.firstSeq + index);
  if (events.at(-1)?.atMs !== batch.atMs && stray === undefined) {
    throw new JournalError(
      `batch of events ${batch.firstSeq} to ${batch.lastSeq} ends at ${events.at(-1)?.atMs} ms, it says ${batch.atMs}. Restore the last backup.`,
    );
  }
  if (stray !== undefined || events.length !== expected) {
    const what = stray === undefined ? "" : `, event ${stray.seq} out of its place`;
    throw new JournalError(
      `batch of events ${batch.firstSeq} to ${batch.lastSeq} holds ${events.length}${what}. Restore the last backup.`,
    );
  }
  return events;
}

function applyOne(core: Core, event: CoreEvent): void {
  try {
    core.apply(event);
  } catch (error) {
    throw new EventMisfit(
      `event ${event.seq} (${event.type}) does not fit the state before it: ${(error as Error).message}. Start the version of gridspot that wrote it, or restore the last backup.`,
    );
  }
}
