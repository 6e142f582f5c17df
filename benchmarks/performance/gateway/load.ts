/** One load on one target: what is sent, what came of it, and the check that nothing of it was lost. */
import type { MeasureName } from "./options.ts";
import { run } from "./processes.ts";
import type { Target } from "./targets/target.ts";

/** Room for the words and stamps of an answer, as the reference tokenizer counts them. */
const OUTPUT_TOKENS_MAX = 1024;
const PROMPT = "the quick brown fox jumps over the lazy dog ".repeat(5).slice(0, 200);

/** What the stub does, and how it is asked. */
export interface Load {
  firstTokenMs: number;
  deltas: number;
  gapMicros: number;
  isStreamed: boolean;
  /** Requests per second at random times, or so many under way at all times. */
  arrivals: { perSecond: number } | { openAtOnce: number; rampMs: number };
  warmMs: number;
  measureMs: number;
  /** How long answers that began may take to end; 0 breaks them off. */
  drainMs: number;
}

export interface Times {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

/** As the load generator prints it. */
export interface LoadResult {
  requestsPerSecond: number;
  deltasPerSecond: number;
  answered: number;
  errors: number;
  wrong: number;
  unfinished: number;
  openAtEnd: number;
  fault: string;
  /** From when a request should have left to its first content. */
  firstMs: Times | null;
  /** From the stub's write of a delta to the client's read of it. */
  deltaMs: Times | null;
  machineCpuSeconds: number;
  processes: Record<string, { cpuSeconds: number; memoryKib: number }>;
}

/** Runs a load. Throws when an answer was missing, short or long. */
export async function runLoad(
  loadGenerator: string,
  target: Target,
  measure: MeasureName,
  load: Load,
): Promise<LoadResult> {
  const { arrivals } = load;
  const schedule = `stub-t${load.firstTokenMs}-n${load.deltas}-g${load.gapMicros}`;
  const body = {
    model: target.model,
    messages: [
      { role: "system", content: "You are a helpful assistant." },
      { role: "user", content: `${PROMPT} ${schedule}` },
    ],
    max_tokens: OUTPUT_TOKENS_MAX,
    temperature: 0.7,
    stream: load.isStreamed,
    ...(load.isStreamed ? { stream_options: { include_usage: true } } : {}),
  };
  const flags: Record<string, string | number> = {
    port: target.port,
    deltas: load.deltas,
    streamed: load.isStreamed ? 1 : 0,
    body: JSON.stringify(body),
    headers: Object.entries(target.headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join(""),
    "warm-ms": load.warmMs,
    "measure-ms": load.measureMs,
    "drain-ms": load.drainMs,
    ...(target.keysFile === null ? {} : { keys: target.keysFile }),
    ...("perSecond" in arrivals
      ? { rate: arrivals.perSecond }
      : { open: arrivals.openAtOnce, "ramp-ms": arrivals.rampMs }),
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  for (const [name, pid] of Object.entries(target.processes))
    args.push("--process", `${name}=${pid}`);
  const result = JSON.parse(await run("others", loadGenerator, args)) as LoadResult;
  const problem = problemOf(result);
  if (problem !== null) throw new Error(`${target.name}, ${measure}: ${problem}`);
  return result;
}

/** What was wrong with the answers, or null. */
export function problemOf({ errors, wrong, unfinished, fault }: LoadResult): string | null {
  if (errors + wrong + unfinished === 0) return null;
  return `${errors} requests failed, ${wrong} answers had not exactly their deltas, ${unfinished} did not end: ${fault}`;
}
