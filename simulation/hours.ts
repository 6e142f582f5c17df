/** Hours of market, a world each. */
import { createHash } from "node:crypto";
import { Tally } from "./tally.ts";
import { runWorlds } from "./threads.ts";

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
  const worlds = Array.from({ length: hours }, (_, hour) => ({ seed: seed + hour, minutes: 60 }));
  const reports = await runWorlds(worlds, workers);
  const tally = new Tally();
  for (const report of reports) tally.add(report.tally);
  const hash = createHash("sha256");
  for (const { digest } of reports) hash.update(digest);
  return {
    hours,
    digest: hash.digest("hex"),
    tally,
    breaches: reports.flatMap((report) =>
      report.breaches.map((text) => ({ seed: report.seed, text })),
    ),
  };
}
