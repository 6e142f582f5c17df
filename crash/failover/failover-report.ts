/** The figures of a failover run: what buyers got, who served, what it cost whom, and how long it took. */
import type { DeliveryFact } from "./delivery-facts.ts";
import { PHASES, type Phase } from "./faults.ts";
import { UNSENT } from "./plain-standing.ts";

export interface PhaseFigures {
  phase: Phase;
  /** How often each kind came. */
  faults: ReadonlyMap<string, number>;
  requests: number;
  completed: number;
  failedInStream: number;
  refused: number;
  /** Of the completed: by other Lots of the buyer, by cover, and by cover from the start. */
  byOtherLots: number;
  byCover: number;
  byCoverFromStart: number;
  /** What the cheap supplier was charged, in micro-dollars. */
  chargedMicros: bigint;
  /** From the first reservation to the one that served, of completed requests that changed supplier. */
  addedMsP50: number;
  addedMsP99: number;
  /** What followed for the cheap supplier by the SLA, how often. */
  consequences: ReadonlyMap<string, number>;
  /** What windows that ended cost it, in micro-dollars. */
  windowChargedMicros: bigint;
  /** Why attempts failed that another took over, and, marked as ends, why deliveries were released. */
  causes: ReadonlyMap<string, number>;
}

export interface FailoverReport {
  seed: number;
  cycles: number;
  seconds: number;
  phases: PhaseFigures[];
  events: number;
  problems: string[];
}

/** Nothing was sent to a supplier that is away or paused: others were asked from the start. */

/** What the journal says of the deliveries of one phase. */
export function figuresOf(
  deliveries: readonly DeliveryFact[],
): Omit<
  PhaseFigures,
  | "phase"
  | "faults"
  | "requests"
  | "completed"
  | "failedInStream"
  | "refused"
  | "consequences"
  | "windowChargedMicros"
> {
  const served = deliveries.filter(({ end }) => end === "settled");
  const moved = served.filter(({ failures }) => failures.length > 0);
  const isFromStart = ({ failures }: DeliveryFact) =>
    failures.every(({ cause }) => UNSENT.includes(cause));
  const covered = moved.filter(({ isCovered }) => isCovered);
  const added = moved
    .filter((delivery) => !isFromStart(delivery))
    .map(({ firstAtMs, servedAtMs }) => servedAtMs - firstAtMs)
    .sort((a, b) => a - b);
  return {
    byOtherLots: moved.length - covered.length,
    byCover: covered.filter((delivery) => !isFromStart(delivery)).length,
    byCoverFromStart: covered.filter(isFromStart).length,
    chargedMicros: deliveries.reduce((sum, { chargedMicros }) => sum + chargedMicros, 0n),
    addedMsP50: quantile(added, 0.5),
    addedMsP99: quantile(added, 0.99),
    causes: countsOf(deliveries.flatMap(causesOf)),
  };
}

function causesOf({ failures, end, endCause }: DeliveryFact): string[] {
  const ends = end === "released" ? [`end: ${endCause}`] : [];
  return [...failures.map(({ cause }) => cause), ...ends];
}

function countsOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** What a run must have met to have shown anything. */
export function unmet({ phases }: FailoverReport): string[] {
  const missing = PHASES.filter((phase) => phases.every((each) => each.phase !== phase));
  const sum = (pick: (figures: PhaseFigures) => number) =>
    phases.reduce((total, figures) => total + pick(figures), 0);
  return [
    ...missing.map((phase) => `the phase "${phase}" was not run`),
    ...(sum(({ byCover }) => byCover) > 0 ? [] : ["nothing was covered"]),
    ...(sum(({ byCoverFromStart }) => byCoverFromStart) > 0 ? [] : ["nobody was away"]),
    ...(sum(({ consequences }) => consequences.get("breaker-opened") ?? 0) > 0
      ? []
      : ["no breaker opened"]),
    ...(sum(({ byOtherLots }) => byOtherLots) > 0 ? [] : ["no other Lots served"]),
    ...(sum(({ failedInStream }) => failedInStream) > 0 ? [] : ["no stream broke"]),
    ...(sum(({ completed }) => completed) > 0 ? [] : ["nothing was completed"]),
  ];
}

/** The report as a table in Markdown, a column a phase. */
export function reportLines({ phases, problems, seconds, events }: FailoverReport): string[] {
  const row = (name: string, cell: (figures: PhaseFigures) => string | number) =>
    `| ${name} | ${phases.map((figures) => cell(figures)).join(" | ")} |`;
  return [
    `| | ${phases.map(({ phase }) => phase).join(" | ")} |`,
    `|---|${phases.map(() => "--:").join("|")}|`,
    row("faults", ({ faults }) => [...faults.values()].reduce((sum, each) => sum + each, 0)),
    row("requests", ({ requests }) => requests),
    row("completed", ({ completed }) => completed),
    row("of them: served by other Lots", ({ byOtherLots }) => byOtherLots),
    row("of them: covered after a failure", ({ byCover }) => byCover),
    row("of them: covered from the start", ({ byCoverFromStart }) => byCoverFromStart),
    row("failed amid the answer, free", ({ failedInStream }) => failedInStream),
    row("refused, free", ({ refused }) => refused),
    row("charged to the supplier, USD", ({ chargedMicros }) => dollars(chargedMicros)),
    row("charged at the end of windows, USD", (each) => dollars(each.windowChargedMicros)),
    row("breaker opened", ({ consequences }) => consequences.get("breaker-opened") ?? 0),
    row("suspended", ({ consequences }) => consequences.get("supplier-suspended") ?? 0),
    row("windows closed, of both", ({ consequences }) => consequences.get("window-closed") ?? 0),
    row("paid out", ({ consequences }) => consequences.get("supplier-paid") ?? 0),
    row("pay kept back released", (each) => each.consequences.get("holdback-released") ?? 0),
    row("until another took over, ms, p50", ({ addedMsP50 }) => addedMsP50),
    row("until another took over, ms, p99", ({ addedMsP99 }) => addedMsP99),
    "",
    ...phases.flatMap(({ phase, faults, causes }) => [
      `${phase}, faults: ${countedText(faults)}`,
      `${phase}, causes: ${countedText(causes)}`,
    ]),
    `${seconds.toFixed(0)} s, ${events} events, ${problems.length} problems`,
  ];
}

function countedText(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return sorted.map(([name, count]) => `${count} ${name}`).join(", ");
}

function dollars(micros: bigint): string {
  return (Number(micros) / 1_000_000).toFixed(6);
}
