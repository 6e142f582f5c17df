/** The four measures: which load each is, and which figures of it are shown. */
import { type Load, type LoadResult, runLoad } from "./load.ts";
import type { MeasureName } from "./options.ts";
import type { Target } from "./targets/target.ts";

/** Of one target in one round. */
export type Figures = Record<string, number>;

const ANSWER_DELTAS = 128;
const FIRST_TOKEN_MS = 20;
const GAP_MICROS = 10_000;
const REQUESTS_PER_SECOND = 30;
const REQUESTS_AT_ONCE = 64;
/** At one delta in 10 ms each: 80,000 deltas/s are offered. */
const STREAMS_AT_ONCE = 800;
const RAMP_MS = 1_000;
const WARM_MS = 1_500;
const DRAIN_MS = 30_000;

/** Streams of the memory measure, each with a gateway of its own that has just started. */
export const OPEN_STREAMS = [1_000, 5_000];
const SLOW_GAP_MICROS = 500_000;
const OPEN_PER_SECOND = 400;
const SLOW_STREAMS_SETTLE_MS = 5_000;

/** The load of a measure that runs in rounds. */
export function loadOf(measure: Exclude<MeasureName, "memory">, seconds: number): Load {
  const common = { deltas: ANSWER_DELTAS, measureMs: seconds * 1_000, drainMs: DRAIN_MS };
  if (measure === "ttft") {
    const arrivals = { perSecond: REQUESTS_PER_SECOND };
    const schedule = { firstTokenMs: FIRST_TOKEN_MS, gapMicros: GAP_MICROS, isStreamed: true };
    return { ...common, ...schedule, arrivals, warmMs: WARM_MS };
  }
  if (measure === "requests") {
    const arrivals = { openAtOnce: REQUESTS_AT_ONCE, rampMs: 0 };
    const schedule = { firstTokenMs: 0, gapMicros: 0, isStreamed: false };
    return { ...common, ...schedule, arrivals, warmMs: WARM_MS };
  }
  const arrivals = { openAtOnce: STREAMS_AT_ONCE, rampMs: RAMP_MS };
  const schedule = { firstTokenMs: 0, gapMicros: GAP_MICROS, isStreamed: true };
  return { ...common, ...schedule, arrivals, warmMs: RAMP_MS + WARM_MS };
}

/** What is told of a result. CPU is of the gateway's process, in microseconds of all its threads. */
export function figuresOf(measure: MeasureName, result: LoadResult, seconds: number): Figures {
  const cpuSeconds = result.processes.gateway?.cpuSeconds ?? Number.NaN;
  const requests = result.requestsPerSecond * seconds;
  const deltas = result.deltasPerSecond * seconds;
  const agents = Object.entries(result.processes).filter(([name]) => name.startsWith("agent"));
  const agentSeconds = agents.reduce((sum, [, { cpuSeconds: used }]) => sum + used, 0);
  return {
    requestsPerSecond: result.requestsPerSecond,
    deltasPerSecond: result.deltasPerSecond,
    firstP50: result.firstMs?.p50 ?? Number.NaN,
    firstP99: result.firstMs?.p99 ?? Number.NaN,
    deltaP50: result.deltaMs?.p50 ?? Number.NaN,
    coreShare: cpuSeconds / seconds,
    cpuPerRequest: (cpuSeconds * 1e6) / requests,
    cpuPerDelta: measure === "requests" ? Number.NaN : (cpuSeconds * 1e6) / deltas,
    agentPerRequest: agents.length === 0 ? Number.NaN : (agentSeconds * 1e6) / requests,
  };
}

/** Compiles the code of a target's paths: little load of each kind, not counted. */
export async function warmUp(loadGenerator: string, target: Target): Promise<void> {
  const brief = { warmMs: 0, measureMs: 2_000 };
  for (const measure of ["requests", "deltas"] as const) {
    const arrivals = { openAtOnce: 16, rampMs: 0 };
    await runLoad(loadGenerator, target, measure, { ...loadOf(measure, 1), arrivals, ...brief });
  }
}

/** KiB that the target's processes grow by per open slow stream. */
export async function memoryPerStream(
  loadGenerator: string,
  target: Target,
  streams: number,
): Promise<Figures> {
  await warmUp(loadGenerator, target);
  const idle = await runLoad(loadGenerator, target, "memory", {
    ...loadOf("ttft", 1),
    arrivals: { openAtOnce: 1, rampMs: 0 },
    warmMs: 0,
  });
  const rampMs = (streams / OPEN_PER_SECOND) * 1_000;
  const measureMs = SLOW_STREAMS_SETTLE_MS;
  const full = await runLoad(loadGenerator, target, "memory", {
    firstTokenMs: FIRST_TOKEN_MS,
    // They must not end while they are counted, and then they are broken off.
    deltas: 2 * Math.ceil((rampMs + 4 * measureMs) / (SLOW_GAP_MICROS / 1_000)),
    gapMicros: SLOW_GAP_MICROS,
    isStreamed: true,
    arrivals: { openAtOnce: streams, rampMs },
    warmMs: rampMs + measureMs,
    measureMs,
    drainMs: 0,
  });
  if (full.openAtEnd !== streams) {
    throw new Error(`${target.name}: ${full.openAtEnd} streams are open, expected ${streams}`);
  }
  const kib: Figures = {};
  for (const [name, { memoryKib }] of Object.entries(full.processes)) {
    kib[name] = (memoryKib - (idle.processes[name]?.memoryKib ?? 0)) / streams;
  }
  const offered = (streams * 1e6) / SLOW_GAP_MICROS;
  const cpuSeconds = full.processes.gateway?.cpuSeconds ?? Number.NaN;
  const coreShare = (cpuSeconds * 1_000) / measureMs;
  return { ...kib, coreShare, delivered: full.deltasPerSecond / offered };
}
