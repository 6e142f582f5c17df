/** Many worlds over several threads; what comes out does not depend on how many threads there are. */
import { Worker } from "node:worker_threads";
import type { WorldOptions, WorldReport } from "./world.ts";

/** Runs all of them and returns their reports in the order in which they were given. */
export async function runWorlds(
  orders: readonly WorldOptions[],
  workers: number,
): Promise<WorldReport[]> {
  const reports: WorldReport[] = [];
  let next = 0;
  async function work(): Promise<void> {
    const thread = startThread();
    for (let at = next++; at < orders.length; at = next++) {
      reports[at] = await thread.run(orders[at] as WorldOptions);
    }
    await thread.end();
  }
  await Promise.all(Array.from({ length: Math.min(workers, orders.length) }, work));
  return reports;
}

function startThread() {
  const worker = new Worker(new URL("./world-thread.ts", import.meta.url), {
    execArgv: ["--import", import.meta.resolve("tsx")],
  });
  let answer = { resolve: (_report: WorldReport) => {}, reject: (_error: Error) => {} };
  worker.on("message", (report: WorldReport) => answer.resolve(report));
  worker.on("error", (error) => answer.reject(error as Error));
  return {
    run: (order: WorldOptions) =>
      new Promise<WorldReport>((resolve, reject) => {
        answer = { resolve, reject };
        worker.postMessage(order);
      }),
    end: () => worker.terminate(),
  };
}
