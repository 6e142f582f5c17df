/** What the gateway benchmark was asked to run; every problem is a sentence that says what was expected. */

export const TARGETS = ["direct", "nginx", "portkey", "gridspot", "exchange"] as const;
export type TargetName = (typeof TARGETS)[number];
export const MEASURES = ["ttft", "requests", "deltas", "memory"] as const;
export type MeasureName = (typeof MEASURES)[number];

export interface BenchOptions {
  rounds: number;
  /** How long each target is measured in each round. */
  seconds: number;
  targets: readonly TargetName[];
  only: readonly MeasureName[];
  /** Folder for CPU profiles of exchange and agents; null makes none. */
  profileDir: string | null;
}

export const USAGE = `npm run bench:gateway [-- --rounds 5 --seconds 5 --only ${MEASURES.join(",")} --targets ${TARGETS.join(",")} --profile <folder>]`;

/** Reads the flags, or says what is wrong with them. */
export function readOptions(
  flags: readonly string[],
): { ok: true; options: BenchOptions } | { ok: false; problems: string[] } {
  const options: BenchOptions = {
    rounds: 5,
    seconds: 5,
    targets: TARGETS,
    only: MEASURES,
    profileDir: null,
  };
  const problems: string[] = [];
  for (let at = 0; at < flags.length; at += 2) {
    const [flag, value] = [flags[at] ?? "", flags[at + 1] ?? ""];
    if (value === "") problems.push(`${flag} has no value`);
    else if (flag === "--rounds") options.rounds = wholeNumber(flag, value, problems);
    else if (flag === "--seconds") options.seconds = wholeNumber(flag, value, problems);
    else if (flag === "--targets") options.targets = namesOf(flag, value, TARGETS, problems);
    else if (flag === "--only") options.only = namesOf(flag, value, MEASURES, problems);
    else if (flag === "--profile") options.profileDir = value;
    else problems.push(`${flag} is no flag of this benchmark`);
  }
  return problems.length === 0 ? { ok: true, options } : { ok: false, problems };
}

function wholeNumber(flag: string, value: string, problems: string[]): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= 600) return number;
  problems.push(`${flag} is "${value}", expected a whole number from 1 to 600`);
  return 1;
}

/** The names in their usual sequence, so that tables always look alike. */
function namesOf<N extends string>(
  flag: string,
  value: string,
  known: readonly N[],
  problems: string[],
): readonly N[] {
  const wanted = value.split(",");
  const foreign = wanted.filter((name) => !(known as readonly string[]).includes(name));
  for (const name of foreign) {
    problems.push(`${flag} names "${name}", expected some of ${known.join(", ")}`);
  }
  return known.filter((name) => wanted.includes(name));
}
