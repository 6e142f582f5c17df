/**
 * How model tests are run and counted: the seed and the number of runs from the environment, and a
 * tally of what the commands came to. A generator that never reaches a state proves nothing, so
 * tests ask the tally for each state they aim at.
 */

const SEED_BELOW = 1_000_000_000;
/** For hundreds of thousands of commands on a busy machine. */
export const TEST_MS_MAX = 3_600_000;

type Environment = Record<string, string | undefined>;

/** What fast-check is told. `SEED` replays a run, `RUNS` asks for more or fewer of them. */
export function runParameters(environment: Environment, runs: number) {
  return {
    seed: Number(environment.SEED ?? Date.now() % SEED_BELOW),
    numRuns: Number(environment.RUNS ?? runs),
  };
}

/** Counts names. Prints all of them when `TALLY` is set, else how many commands there were. */
export function createTally(environment: Environment) {
  const counts = new Map<string, number>();
  const total = (prefix = ""): number => {
    let sum = 0;
    for (const [name, count] of counts) if (name.startsWith(prefix)) sum += count;
    return sum;
  };
  return {
    add(name: string): void {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    },
    /** Those of a list that did not come. */
    never: (names: readonly string[]): string[] => names.filter((name) => !counts.has(name)),
    total,
    print(title: string, commands: number): void {
      const rows = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
      const shown = environment.TALLY === undefined ? [] : rows;
      const lines = shown.map(([name, count]) => `  ${name.padEnd(56)}${count}\n`);
      process.stdout.write(`${title}: ${commands} commands\n${lines.join("")}`);
    },
  };
}

export type Tally = ReturnType<typeof createTally>;
