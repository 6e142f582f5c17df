/** What a run found, and how it is told. */
import { KILL_KINDS, type KillKind } from "./kill-plan.ts";
import type { ToldKind } from "./notebook.ts";

/** Promises that every run must have seen, or it has proved nothing about them. */
const KINDS_NEEDED: readonly ToldKind[] = [
  "order",
  "cancel",
  "deposit",
  "account",
  "key",
  "completion begun",
  "completion",
];

export interface CrashReport {
  seed: number;
  cycles: number;
  seconds: number;
  asked: ReadonlyMap<KillKind, number>;
  hit: ReadonlyMap<KillKind, number>;
  told: ReadonlyMap<ToldKind, number>;
  compared: ReadonlyMap<string, number>;
  cut: number;
  repeatsDoneBefore: number;
  busy: number;
  linksReplaced: number;
  events: number;
  wholeProofs: number;
  slowestStartMs: number;
  /** Losses, doublings, differences and faults, as sentences. */
  problems: readonly string[];
}

/** A node links once after each start. One whose links take over from each other links twice at a time. */
export function linkProblems({ linksReplaced, cycles }: CrashReport): string[] {
  return linksReplaced <= cycles
    ? []
    : [`${linksReplaced} links were taken over by another of their node in ${cycles} cycles`];
}

/** What a run did not reach: a fault that never came proves nothing. */
export function unreached({ asked, hit, told, compared }: CrashReport): string[] {
  const kinds = KILL_KINDS.filter((kind) => asked.has(kind) && !hit.has(kind));
  const promises = KINDS_NEEDED.filter((kind) => !told.has(kind));
  const views = ["state", "balance", "open orders"].filter((what) => !compared.has(what));
  return [
    ...kinds.map((kind) => `no kill hit ${kind}, ${asked.get(kind)} were to`),
    ...promises.map((kind) => `nobody was ever told: ${kind}`),
    ...views.map((what) => `no view of this kind was compared: ${what}`),
  ];
}

/** The report as lines. */
export function reportLines(report: CrashReport): string[] {
  const { problems, told } = report;
  const lost = problems.filter((text) => /\blost\b/.test(text)).length;
  const doubled = problems.filter((text) => /\btwice\b/.test(text)).length;
  const row = (name: string, value: string | number) => `${name.padEnd(34)} ${value}`;
  return [
    row("cycles", report.cycles),
    row("seconds", report.seconds.toFixed(1)),
    ...KILL_KINDS.map((kind) =>
      row(`killed: ${kind}`, `${report.hit.get(kind) ?? 0} (asked ${report.asked.get(kind) ?? 0})`),
    ),
    ...[...told].map(([kind, count]) => row(`checked: ${kind}`, count)),
    ...[...report.compared].map(([what, count]) => row(`live against replayed: ${what}`, count)),
    row("connections cut", report.cut),
    row("repeats that were already done", report.repeatsDoneBefore),
    row("answers that asked to come back", report.busy),
    row("links replaced by their own node", report.linksReplaced),
    row("events in the journal", report.events),
    row("whole journals proved", report.wholeProofs),
    row("slowest start, ms", report.slowestStartMs.toFixed(0)),
    row("lost", lost),
    row("doubled", doubled),
    row("problems in all", problems.length),
  ];
}
