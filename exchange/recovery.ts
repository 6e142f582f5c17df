/** Start-up: the newest snapshot, then every event after it, applied and never decided again. */
import { createCore, restoreCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { decodeEvents } from "#exchange/journal/event-encoding.ts";
import { type Batch, JournalError, type Recovered } from "#exchange/journal/journal.ts";

/** Read models take in many small batches at once: a transaction of theirs costs more than its rows. */
const EVENTS_TOLD_AT_ONCE = 2_000;

/**
 * Rebuilds the core from what a journal held; `onEvents` sees what was replayed, in order, so
 * that read models catch up. Throws `JournalError` when events are missing or do not fit.
 */
export function recoverCore(
  recovered: Recovered,
  onEvents: (events: readonly CoreEvent[]) => void = () => {},
): Core {
  const { snapshot } = recovered;
  const core = snapshot === null ? createCore() : restoreCore(snapshot.bytes);
  if (snapshot !== null && core.state.seq !== snapshot.seq) {
    throw new JournalError(`snapshot ${snapshot.seq} holds the state at ${core.state.seq}`);
  }
  let readSeq: number | null = null;
  let untold: CoreEvent[] = [];
  for (const batch of recovered.batches) {
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
    throw new JournalError(
      `event ${event.seq} (${event.type}) does not fit the state before it: ${(error as Error).message}. Start the version of gridspot that wrote it, or restore the last backup.`,
    );
  }
}
