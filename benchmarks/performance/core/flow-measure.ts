/**
 * Runs recorded commands on a fresh core and measures the part that counts: CPU time of the whole
 * process, garbage collection included, what was allocated, and time lost to GC.
 */
import { GCProfiler, getHeapStatistics } from "node:v8";
import { createCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { createReferenceBook } from "#exchange/core/market/reference-book.ts";
import { encodeEvents } from "#exchange/journal/event-encoding.ts";
import type { CommandFlow } from "./flow-recorder.ts";

/** One in so many measured commands is run before the clock starts. */
const WARM_SHARE = 30;

export interface FlowFigures {
  commands: number;
  events: number;
  /** Encoded; 0 where nothing was encoded. */
  bytes: number;
  cpuMicros: number;
  allocatedBytes: number;
  /** Pauses of the main thread. */
  gcMicros: number;
}

/** Measures `run`, which returns how many events it saw and how many bytes they made. */
export function measure(
  commands: number,
  run: () => { events: number; bytes: number },
): FlowFigures {
  const profiler = new GCProfiler();
  profiler.start();
  let heapBytes = getHeapStatistics().used_heap_size;
  const before = process.cpuUsage();
  const ran = run();
  const { user, system } = process.cpuUsage(before);
  const endBytes = getHeapStatistics().used_heap_size;
  let allocatedBytes = 0;
  let gcMicros = 0;
  // `stop` returns nothing only when it was not started.
  for (const { beforeGC, afterGC, cost } of profiler.stop()?.statistics ?? []) {
    allocatedBytes += beforeGC.heapStatistics.usedHeapSize - heapBytes;
    heapBytes = afterGC.heapStatistics.usedHeapSize;
    gcMicros += cost;
  }
  allocatedBytes += endBytes - heapBytes;
  return { commands, ...ran, cpuMicros: user + system, allocatedBytes, gcMicros };
}

/** Measures a flow on a core, with the encoding of its events or without. */
export function measureFlow(
  flow: Omit<CommandFlow, "end">,
  { encode = false, referenceBook = false } = {},
): FlowFigures {
  const { commands, atMs, measuredFrom } = flow;
  const core = createCore();
  for (let n = 0; n < measuredFrom; n += 1) {
    execute(core, flow, n);
    if (referenceBook && commands[n]?.type === "list-instrument") useReferenceBooks(core);
  }
  globalThis.gc?.();
  // A full collection leaves cold caches behind.
  const from = measuredFrom + Math.ceil((commands.length - measuredFrom) / WARM_SHARE);
  for (let n = measuredFrom; n < from; n += 1) execute(core, flow, n);
  return measure(commands.length - from, () => {
    let events = 0;
    let bytes = 0;
    for (let n = from; n < atMs.length; n += 1) {
      const emitted = execute(core, flow, n);
      events += emitted.length;
      if (encode) bytes += encodeEvents(emitted).length;
    }
    return { events, bytes };
  });
}

function execute(core: Core, { commands, atMs }: Omit<CommandFlow, "end">, n: number): CoreEvent[] {
  const command = commands[n];
  if (command === undefined) throw new Error(`the flow has no command ${n}`);
  return core.execute(command, atMs[n] as number).events;
}

/** While they are empty: the handles of resting orders are the book's own. */
function useReferenceBooks(core: Core): void {
  for (const listed of core.state.instruments.values()) listed.book = createReferenceBook();
}
