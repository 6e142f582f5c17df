/** What a run says at its end: counts, what was met how often, breaches and how to see them again. */
import type { HoursRun } from "./hours.ts";
import { FAULT_KINDS, STATES, type Tally } from "./tally.ts";

export const BREACHES_SHOWN = 12;

/** True when nothing was breached and every kind was met often enough. */
export function verdictOf(run: HoursRun, hitsMin: number): boolean {
  return run.breaches.length === 0 && missing(run, hitsMin).length === 0;
}

function missing({ tally }: HoursRun, hitsMin: number): string[] {
  const rareFaults = FAULT_KINDS.filter((kind) => tally.faults[kind] < hitsMin);
  // A state is something to have seen; how often is up to the faults.
  const unseen = STATES.filter((state) => hitsMin > 0 && tally.states[state] === 0);
  return [...rareFaults, ...unseen];
}

export function reportLines(
  run: HoursRun,
  { hitsMin, seconds }: { hitsMin: number; seconds: number },
): string[] {
  const { tally, breaches } = run;
  const hit = FAULT_KINDS.filter((kind) => tally.faults[kind] > 0);
  const rarest = Math.min(...FAULT_KINDS.map((kind) => tally.faults[kind]));
  const lines = [
    `${run.hours} simulated hours in ${seconds.toFixed(0)} s: ${tally.commands} commands, ${tally.events} events, ${tally.acknowledged} answers (${tally.readsReplayed} reads computed again), ${tally.lives} starts, ${tally.diskOperations} disk operations`,
    "",
    ...table("fault", FAULT_KINDS, tally.faults),
    "",
    ...table("state", STATES, tally.states),
    "",
    `${hit.length} of ${FAULT_KINDS.length} kinds of fault met, the rarest ${rarest} times`,
    `state digest ${run.digest}`,
    `${breaches.length} breaches`,
  ];
  for (const { seed, text } of breaches.slice(0, BREACHES_SHOWN)) {
    lines.push(`  ${text}`, `    again: npm run simulate -- --seed ${seed} --hours 1`);
  }
  const rare = missing(run, hitsMin);
  if (rare.length > 0) lines.push(`met fewer than ${hitsMin} times: ${rare.join(", ")}`);
  return lines;
}

function table<Kind extends string>(
  title: string,
  kinds: readonly Kind[],
  counts: Tally["faults"] | Tally["states"],
): string[] {
  const width = Math.max(...kinds.map((kind) => kind.length));
  const rows = kinds.map((kind) => [kind, String((counts as Record<Kind, number>)[kind])] as const);
  return [[title, "times"] as const, ...rows].map(
    ([name, times]) => `${name.padEnd(width)}  ${times.padStart(7)}`,
  );
}
