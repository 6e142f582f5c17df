/** Many worlds over several threads; what comes out does not depend on how many threads there are. */
import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { Tally } from "./tally.ts";
import type { WorldReport } from "./world.ts";

export interface HoursOptions {
  seed: number;
  hours: number;
  workers: number;
}

export interface HoursRun {
  hours: number;
  /** Over the digests of all worlds, in the order of their seeds. */
  digest: string;
  tally: Tally;
  breaches: readonly { seed: number; text: string }[];
}

/** Runs `hours` worlds with seeds from `seed` on. */
export async function runHours({ seed, hours, workers }: HoursOptions): Promise<HoursRun> {
  const seeds = Array.from({ length: hours }, (_, hour) => seed + hour);
  const reports = new Map<number, WorldReport>();
  const waiting = [...seeds];
  const threads = Array.from({ length: Math.min(workers, hours) }, () => startThread());
  await Promise.all(
    threads.map(async (thread) => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        reports.set(next, await thread.run(next));
      }
      await thread.end();
    }),
  );
  const ordered = seeds.map((each) => reports.get(each) as WorldReport);
  const tally = new Tally();
  for (const report of ordered) tally.add(report.tally);
  const hash = createHash("sha256");
  for (const { digest } of ordered) hash.update(digest);
  return {
    hours,
    digest: hash.digest("hex"),
    tally,
    breaches: ordered.flatMap((report) =>
      report.breaches.map((text) => ({ seed: report.seed, text })),
    ),
  };
}

function startThread() {
  const worker = new Worker(new URL("./hours-thread.ts", import.meta.url), {
    execArgv: ["--import", import.meta.resolve("tsx")],
  });
  return {
    run: (seed: number) =>
      new Promise<WorldReport>((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
        worker.postMessage(seed);
      }).finally(() => worker.removeAllListeners()),
    end: () => worker.terminate(),
  };
}
