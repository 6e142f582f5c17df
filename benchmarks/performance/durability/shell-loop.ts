/** The real shell over the real journal in a directory, as `exchange/app.ts` joins them. */
import { systemClock } from "#exchange/clock.ts";
import { createCore } from "#exchange/core/core.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { encodeEvents } from "#exchange/journal/event-encoding.ts";
import { openSqliteJournal } from "#exchange/journal/sqlite-journal.ts";
import { createShell } from "#exchange/journaled-shell.ts";
import { startFollowerThread } from "#exchange/snapshots/follower-thread.ts";
import type { Durable } from "./measurement.ts";
import { createOrderMix, USUAL_MIX } from "./order-mix.ts";

export interface ShellLoop extends Durable {
  /** Mean encoded bytes of what a command emitted. */
  bytesPerCommand(): number;
  close(): Promise<void>;
}

export async function openShellLoop(dataDir: string, seed: number): Promise<ShellLoop> {
  const journal = await openSqliteJournal(dataDir);
  const core = createCore();
  // The market is there before the journal listens: its events are no part of what is measured.
  const events: CoreEvent[] = [];
  const nextCommand = createOrderMix(core, {
    ...USUAL_MIX,
    seed,
    nowMs: systemClock.nowMs,
    onEvents: (emitted) => events.push(...emitted),
  });
  const last = events.at(-1) as CoreEvent;
  await journal.append({
    firstSeq: 1,
    lastSeq: last.seq,
    atMs: last.atMs,
    events: encodeEvents(events),
  });
  let bytes = 0;
  let commands = 0;
  const onFatal = (error: Error) => {
    console.error(error);
    process.exit(1);
  };
  const shell = createShell(
    {},
    {
      core,
      journal,
      clock: systemClock,
      onFatal,
      startFollower: startFollowerThread,
      encodeEvents(emitted) {
        const encoded = encodeEvents(emitted);
        bytes += encoded.length;
        return encoded;
      },
    },
  );
  return {
    bytesPerCommand: () => Math.round(bytes / commands),
    send(acknowledged) {
      commands += 1;
      const { outcome, released } = shell.submit(nextCommand());
      if (!outcome.ok && outcome.rejection.code === "overloaded") return false;
      if (!outcome.ok) throw new Error(`${outcome.rejection.code}: ${outcome.rejection.message}`);
      void released.then(acknowledged);
      return true;
    },
    close: () => shell.close(),
  };
}
