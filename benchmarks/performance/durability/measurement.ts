/** How the loops are driven and what is kept of them; the same for the journal and the bare loop. */

export interface Run {
  /** Milliseconds from the planned arrival of each to its acknowledgement, ascending. */
  latenciesMs: Float64Array;
  /** Things that were refused; they are in none of the other figures. */
  refused: number;
  perSecond: number;
  /** CPU seconds of the process, all threads, per second. */
  cpu: number;
}

/** Something that makes things durable; `send` calls back when its thing is. */
export interface Durable {
  /** False when it was refused, because too much waits. */
  send(acknowledged: () => void): boolean;
}

/**
 * Offers `perSecond` things for `seconds`, each at its planned time whatever became of those before,
 * and resolves when all are acknowledged. A late generator counts against whoever made it late.
 */
export async function offer(
  durable: Durable,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<Run> {
  const total = Math.floor(perSecond * seconds);
  const latencies = new Float64Array(total);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  let sent = 0;
  let acknowledged = 0;
  let refused = 0;
  await new Promise<void>((resolve) => {
    function turn(): void {
      // The first is due at once, not after the first pause.
      const passed = Math.floor(((performance.now() - startMs) * perSecond) / 1000);
      const due = Math.min(total, passed + 1);
      while (sent < due) {
        const index = sent;
        const plannedMs = startMs + (index * 1000) / perSecond;
        sent += 1;
        const isTaken = durable.send(() => {
          latencies[index] = performance.now() - plannedMs;
          acknowledged += 1;
          if (acknowledged + refused === total) resolve();
        });
        if (!isTaken) refused += 1;
      }
      if (sent < total) setImmediate(turn);
      else if (acknowledged + refused === total) resolve();
    }
    turn();
  });
  return finished(latencies, { startMs, cpu, refused });
}

/** Keeps `atOnce` things under way until `total` are acknowledged. */
export async function saturate(
  durable: Durable,
  { atOnce, total }: { atOnce: number; total: number },
): Promise<Run> {
  const latencies = new Float64Array(total);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  let sent = 0;
  let acknowledged = 0;
  await new Promise<void>((resolve) => {
    /** Most that is sent before acknowledgements get a turn. */
    const perTurn = Math.ceil(atOnce / 8);
    function turn(): void {
      for (let count = 0; count < perTurn; count += 1) {
        if (sent === total || sent - acknowledged >= atOnce) break;
        const index = sent;
        const sentMs = performance.now();
        sent += 1;
        durable.send(() => {
          latencies[index] = performance.now() - sentMs;
          acknowledged += 1;
          if (acknowledged === total) resolve();
        });
      }
      if (sent < total) setImmediate(turn);
    }
    turn();
  });
  return finished(latencies, { startMs, cpu, refused: 0 });
}

function finished(
  latencies: Float64Array,
  { startMs, cpu, refused }: { startMs: number; cpu: NodeJS.CpuUsage; refused: number },
): Run {
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    // A refused one has no time, and sorts first.
    latenciesMs: latencies.sort().subarray(refused),
    refused,
    perSecond: (latencies.length - refused) / seconds,
    cpu: (user + system) / 1e6 / seconds,
  };
}

export function quantile(ascending: ArrayLike<number>, q: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * q))] ?? 0;
}

/** Median [least..most]. */
export function spread(values: readonly number[], digits: number): string {
  const ascending = [...values].sort((a, b) => a - b);
  const shown = [0.5, 0, 1].map((q) => quantile(ascending, q).toFixed(digits));
  return `${shown[0]} [${shown[1]}..${shown[2]}]`;
}
