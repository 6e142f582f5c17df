/**
 * The queue between the core and the journal: collects the events of commands while one batch is
 * being written, then writes the next, and lets go of whatever waited for it, in order.
 */
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import type { Journal } from "#exchange/journal/journal.ts";
import type { Snapshots } from "#exchange/snapshots/snapshots.ts";

export interface GroupCommitOptions {
  /** Commands and reads that may wait for the disk. */
  commandsUnsyncedMax: number;
  /** Encoded events that may wait for the disk. */
  bytesUnsyncedMax: number;
  /** A batch takes whole commands until it has this much. */
  batchBytesTarget: number;
}

/** A batch of so many commands means load. */
const PACED_COMMANDS_MIN = 8;

export interface GroupCommitDependencies {
  core: Pick<Core, "state">;
  journal: Journal;
  snapshots: Snapshots;
  encodeEvents: (events: readonly CoreEvent[]) => Uint8Array;
  /** Called once, with the first failure; after it nothing is written and nothing is let go. */
  onFatal: (error: Error) => void;
  /** Runs something once what is executing now has returned. */
  defer: Defer;
  /** Runs something a moment later: how far apart batches are under load; at once when left out. */
  pace?: Defer | undefined;
}

/** `setImmediate`, or what a simulation puts in its place. */
export type Defer = (run: () => void) => void;

export interface GroupCommit {
  readonly durableSeq: number;
  /** Too much waits for the disk: nothing more should be executed. */
  readonly isFull: boolean;
  readonly hasFailed: boolean;
  /** Queues what one command emitted; a batch never splits it. Throws when events are missing. */
  add(events: readonly CoreEvent[]): void;
  /** Resolves when event `seq` is durable, never after a failure. */
  released(seq: number): Promise<void>;
  subscribe(listener: (events: readonly CoreEvent[]) => void): () => void;
  /** Ends everything with this error. */
  fail(error: Error): void;
  /** Writes what is queued and a last snapshot, then closes the journal. */
  close(): Promise<void>;
}

/** What one command emitted, encoded. */
interface Emitted {
  events: readonly CoreEvent[];
  bytes: Uint8Array;
}

/** Builds the queue on a core whose state is wholly durable. */
export function createGroupCommit(
  options: GroupCommitOptions,
  { core, journal, snapshots, encodeEvents, onFatal, defer, pace }: GroupCommitDependencies,
): GroupCommit {
  const queue: Emitted[] = [];
  const waiting: { seq: number; resolve: () => void }[] = [];
  const listeners = new Set<(events: readonly CoreEvent[]) => void>();
  let addedSeq = core.state.seq;
  let durableSeq = core.state.seq;
  let bytesUnsynced = 0;
  let writing: Promise<void> | null = null;
  let hasFailed = false;
  let resting: Promise<void> | null = null;

  function fail(error: Error): void {
    if (hasFailed) return;
    hasFailed = true;
    onFatal(error);
  }

  function takeBatch(): Emitted[] {
    let bytes = 0;
    let count = 0;
    while (count < queue.length && bytes < options.batchBytesTarget) {
      bytes += (queue[count] as Emitted).bytes.length;
      count += 1;
    }
    return queue.splice(0, count);
  }

  async function writeBatch(batch: readonly Emitted[]): Promise<void> {
    const events = batch.flatMap((emitted) => emitted.events);
    const bytes = joined(batch);
    const first = events[0] as CoreEvent;
    const last = events.at(-1) as CoreEvent;
    // The journal may take the bytes away.
    const { length } = bytes;
    await journal.append({
      firstSeq: first.seq,
      lastSeq: last.seq,
      atMs: last.atMs,
      events: bytes,
    });
    // Failed meanwhile: what was executed since may be half a decision, so nothing is told any more.
    if (hasFailed) return;
    durableSeq = last.seq;
    bytesUnsynced -= length;
    for (const listener of listeners) listener(events);
    const stillWaiting = waiting.findIndex(({ seq }) => seq > durableSeq);
    const free = waiting.splice(0, stillWaiting === -1 ? waiting.length : stillWaiting);
    for (const { resolve } of free) resolve();
  }

  /**
   * Each batch is a hand-over between threads, which costs as much as some commands: under load one
   * comes a moment after the other. A command that comes alone finds no load, and does not wait.
   */
  function rest(batch: readonly Emitted[]): void {
    if (pace === undefined || batch.length < PACED_COMMANDS_MIN) return;
    resting = new Promise((resolve) => {
      pace(() => {
        resting = null;
        resolve();
      });
    });
  }

  async function writeAll(): Promise<void> {
    // What this turn of the event loop still executes shares the first write.
    await new Promise<void>((resolve) => defer(resolve));
    try {
      while (queue.length > 0 && !hasFailed) {
        if (resting !== null) await resting;
        const batch = takeBatch();
        rest(batch);
        await writeBatch(batch);
        if (!hasFailed) snapshots.reached(durableSeq);
      }
    } catch (error) {
      fail(error as Error);
    } finally {
      writing = null;
    }
  }

  return {
    get durableSeq() {
      return durableSeq;
    },
    get isFull() {
      return (
        waiting.length >= options.commandsUnsyncedMax || bytesUnsynced >= options.bytesUnsyncedMax
      );
    },
    get hasFailed() {
      return hasFailed;
    },
    add(events) {
      if (events.length === 0) return;
      for (const { seq, type } of events) {
        if (seq !== addedSeq + 1) throw new Error(`event ${seq} (${type}) came after ${addedSeq}`);
        addedSeq = seq;
      }
      const bytes = encodeEvents(events);
      bytesUnsynced += bytes.length;
      queue.push({ events, bytes });
      if (!hasFailed) writing ??= writeAll();
    },
    released(seq) {
      if (seq <= durableSeq && !hasFailed) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ seq, resolve }));
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    fail,
    async close() {
      await writing;
      await snapshots.close(!hasFailed);
      await journal.close();
    },
  };
}

/**
 * The bytes of a batch in a buffer of their own. Of one that shares Node's pool, 64 KiB, another thread
 * would get all of the pool, and collect garbage every thousand batches.
 */
function joined(batch: readonly Emitted[]): Uint8Array {
  let length = 0;
  for (const { bytes } of batch) length += bytes.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const { bytes } of batch) {
    all.set(bytes, at);
    at += bytes.length;
  }
  return all;
}
