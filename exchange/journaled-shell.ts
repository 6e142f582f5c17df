/**
 * The shell over a journal: executes at once, commits in groups off the event loop (one write in
 * flight, the next batch collecting meanwhile), and releases everything at its commit sequence.
 */
import type { Clock } from "#exchange/clock.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { encodeEvents } from "#exchange/journal/event-encoding.ts";
import type { Journal } from "#exchange/journal/journal.ts";
import type { Outcome, Shell } from "#exchange/shell.ts";

/** Events that may wait for the disk; beyond, commands are refused unexecuted. */
export const EVENTS_UNSYNCED_MAX = 50_000;
/** Events in one batch at most. */
export const EVENTS_PER_BATCH_MAX = 5_000;
const EVENTS_PER_SNAPSHOT = 50_000;
const TICK_MS = 250;

export interface ShellDependencies {
  core: Core;
  journal: Journal;
  clock: Clock;
  /** Called once when the journal or the core failed; the process must end. */
  onFatal: (error: Error) => void;
}

interface Waiting {
  seq: number;
  resolve: () => void;
}

/** Builds the shell and starts its ticks. `ticks: false` leaves time to the owner (tests). */
export function createShell(
  options: { ticks?: boolean },
  { core, journal, clock, onFatal }: ShellDependencies,
): Shell {
  const pending: CoreEvent[] = [];
  let durableSeq = core.state.seq;
  let snapshotSeq = core.state.seq;
  let flushing: Promise<void> | null = null;
  let failed = false;
  const waiting: Waiting[] = [];
  const listeners = new Set<(events: readonly CoreEvent[]) => void>();

  function fail(error: Error): void {
    if (failed) return;
    failed = true;
    onFatal(error);
  }

  function released(seq: number): Promise<void> {
    if (seq <= durableSeq) return Promise.resolve();
    return new Promise((resolve) => waiting.push({ seq, resolve }));
  }

  function release(events: readonly CoreEvent[], seq: number): void {
    durableSeq = seq;
    for (const listener of listeners) listener(events);
    while (waiting.length > 0 && (waiting[0] as Waiting).seq <= seq) waiting.shift()?.resolve();
  }

  async function flush(): Promise<void> {
    // Everything executed in this turn of the event loop shares the first write.
    await Promise.resolve();
    while (pending.length > 0 && !failed) {
      const events = pending.splice(0, EVENTS_PER_BATCH_MAX);
      const firstSeq = (events[0] as CoreEvent).seq;
      const lastSeq = (events.at(-1) as CoreEvent).seq;
      await journal.append({ firstSeq, lastSeq, events: encodeEvents(events) });
      release(events, lastSeq);
      if (pending.length === 0 && core.state.seq - snapshotSeq >= EVENTS_PER_SNAPSHOT) {
        await saveSnapshot();
      }
    }
  }

  function saveSnapshot(): Promise<void> {
    snapshotSeq = core.state.seq;
    return journal.saveSnapshot({ seq: core.state.seq, bytes: core.snapshot() });
  }

  function startFlush(): void {
    if (flushing !== null || failed) return;
    flushing = flush()
      .catch((error) => fail(error as Error))
      .finally(() => {
        flushing = null;
        if (pending.length > 0) startFlush();
      });
  }

  const shell: Shell = {
    state: core.state,
    submit(command) {
      if (failed || pending.length >= EVENTS_UNSYNCED_MAX) {
        const rejection = {
          code: "overloaded" as const,
          message: "too much is waiting to be stored; nothing was executed, retry shortly",
        };
        return {
          outcome: { ok: false, rejection, seq: durableSeq },
          released: Promise.resolve(),
        };
      }
      let executed: ReturnType<Core["execute"]>;
      try {
        executed = core.execute(command, clock.nowMs());
      } catch (error) {
        // Memory may hold half a decision now and is never rolled back.
        fail(error as Error);
        throw error;
      }
      for (const event of executed.events) pending.push(event);
      if (pending.length > 0) startFlush();
      const { seq } = core.state;
      const outcome = executed.ok
        ? { ok: true as const, result: executed.result, seq }
        : { ok: false as const, rejection: executed.rejection, seq };
      return { outcome: outcome as Outcome<never>, released: released(seq) };
    },
    async execute(command) {
      const submitted = shell.submit(command);
      await submitted.released;
      return submitted.outcome;
    },
    async read(view) {
      const shown = view(core.state);
      await released(core.state.seq);
      return shown;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      clearInterval(ticking);
      // After a failure nothing more becomes durable, and nobody may wait for it.
      if (!failed) await released(core.state.seq);
      if (!failed && core.state.seq > snapshotSeq) await saveSnapshot();
      await journal.close();
    },
  };

  const ticking = setInterval(() => {
    if (failed) return;
    for (let more = true; more; ) {
      const { outcome } = shell.submit({ type: "tick" });
      more = outcome.ok && outcome.result.more;
    }
  }, TICK_MS);
  if (options.ticks === false) clearInterval(ticking);
  return shell;
}
