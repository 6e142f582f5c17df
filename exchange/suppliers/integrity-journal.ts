/**
 * Writes breaches of integrity into the journal. The first few of a kind are records of their own, as
 * many as the gravest rule counts; what a flood brings beyond them is one record at the end of the
 * minute, which says how many. A record that the shell has no room for is told again.
 */
import type { Clock } from "#exchange/clock.ts";
import type { Shell } from "#exchange/shell.ts";
import type { IntegrityEvent, OnIntegrity } from "./integrity.ts";

/** A node that floods must not flood the journal as well. */
const INTERVAL_MS = 60_000;
/** At once within an interval: the rules of `exchange/core/sla/integrity.ts` count up to so many. */
const AT_ONCE_MAX = 5;
/** How often is looked for what is due. */
const LOOK_MS = 1_000;
/** Nodes and kinds that are remembered; past that the oldest is forgotten, with what it still owed. */
const KEPT_MAX = 10_000;

interface Told {
  event: IntegrityEvent;
  /** When its interval began, on the monotonic clock. */
  sinceMs: number;
  /** Records of this interval, those that are owed among them. */
  records: number;
  /** Records that the shell had no room for; no more than `records`. */
  owed: number;
  /** Breaches that have no record of their own. */
  uncounted: number;
}

export interface IntegrityJournalDependencies {
  shell: Pick<Shell, "submit">;
  clock: Clock;
  /** Calls again and again until stopped; must not keep the process alive. */
  every?: (ms: number, act: () => void) => () => void;
}

/** Takes breaches as they come; what is not written yet is lost with the process. */
export function journalIntegrity(dependencies: IntegrityJournalDependencies): OnIntegrity {
  const { shell, clock, every = everyUnref } = dependencies;
  /** By node and kind, the longest known first. */
  const told = new Map<string, Told>();
  let stop: (() => void) | null = null;

  function write({ account, node, kind, detail }: IntegrityEvent): boolean {
    const command = { type: "record-integrity" as const, account, node, kind, detail };
    const { outcome } = shell.submit(command);
    return outcome.ok || outcome.rejection.code !== "overloaded";
  }

  function writeOwed(entry: Told): boolean {
    while (entry.owed > 0 && write(entry.event)) entry.owed -= 1;
    return entry.owed === 0;
  }

  function closeInterval(key: string, entry: Told): void {
    const { event, uncounted } = entry;
    const more = { ...event, detail: `${uncounted} more, the last: ${event.detail}` };
    if (uncounted === 0) told.delete(key);
    else if (write(more)) {
      Object.assign(entry, { uncounted: 0, records: 0, sinceMs: clock.monotonicMs() });
    }
  }

  function look(): void {
    const nowMs = clock.monotonicMs();
    for (const [key, entry] of told) {
      if (writeOwed(entry) && nowMs - entry.sinceMs >= INTERVAL_MS) closeInterval(key, entry);
    }
    if (told.size > 0) return;
    stop?.();
    stop = null;
  }

  function entryOf(event: IntegrityEvent): Told {
    const key = `${event.node}:${event.kind}`;
    const known = told.get(key);
    if (known !== undefined) return known;
    for (const oldest of told.keys()) {
      if (told.size < KEPT_MAX) break;
      told.delete(oldest);
    }
    const sinceMs = clock.monotonicMs();
    const entry = { event, sinceMs, records: 0, owed: 0, uncounted: 0 };
    told.set(key, entry);
    stop ??= every(LOOK_MS, look);
    return entry;
  }

  return (event) => {
    const entry = entryOf(event);
    entry.event = event;
    if (entry.records >= AT_ONCE_MAX) {
      entry.uncounted += 1;
      return;
    }
    entry.records += 1;
    if (!write(event)) entry.owed += 1;
  };
}

function everyUnref(ms: number, act: () => void): () => void {
  const timer = setInterval(act, ms).unref();
  return () => clearInterval(timer);
}
