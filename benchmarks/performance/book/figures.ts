/** How figures of several rounds are put together and written down. */

/** The value below which a share `q` of the values lies. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const median = (values: ArrayLike<number>): number => quantile(values, 0.5);

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** `median [min..max]`, with this many digits. */
export function spread(values: readonly number[], digits = 0): string {
  const written = (value: number) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const [low, high] = [Math.min(...values), Math.max(...values)].map(written);
  return `${written(median(values))} [${low}..${high}]`;
}

/** Nanoseconds of CPU that `work` takes, all threads of the process included: garbage counts. */
export function cpuNs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1_000;
}
