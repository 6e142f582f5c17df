/** Start-up: the newest snapshot, then every event after it, applied and never decided again. */
import { createCore, restoreCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { decodeEvents } from "#exchange/journal/event-encoding.ts";
import { JournalError, type Recovered } from "#exchange/journal/journal.ts";

/**
 * Rebuilds the core from what a journal held; `onEvents` sees what was replayed, batch by batch, so
 * that read models catch up. Throws when events are missing or do not fit.
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
  for (const batch of recovered.batches) {
    const events = decodeEvents(batch.events);
    for (const event of events) {
      // A batch that straddles the snapshot is applied from where the snapshot ends.
      if (event.seq > core.state.seq) core.apply(event);
    }
    onEvents(events);
    // Batches from before the snapshot are there for read models that lag behind it.
    if (core.state.seq < batch.lastSeq) {
      throw new JournalError(`batch ends at ${batch.lastSeq}, its events at ${core.state.seq}`);
    }
  }
  return core;
}
