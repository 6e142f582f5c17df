/** `npm run failover -- --cycles N [--seed S] [--shipped]`: fails a supplier in every way N times; exit code 1 when money or words went astray. */
import { parseArgs } from "node:util";
import { reportLines } from "./failover-report.ts";
import { runFailover } from "./failover-run.ts";

const CYCLES_DEFAULT = "50";
const PROBLEMS_SHOWN = 20;

const { values } = parseArgs({
  options: {
    cycles: { type: "string", default: CYCLES_DEFAULT },
    seed: { type: "string" },
    shipped: { type: "boolean", default: false },
  },
});
const cycles = Number(values.cycles);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!Number.isSafeInteger(cycles) || cycles < 1 || !Number.isSafeInteger(seed)) {
  console.error(
    "usage: npm run failover -- --cycles N [--seed S] [--shipped], N and S whole numbers",
  );
  process.exit(2);
}
console.log(`seed ${seed}, ${cycles} cycles`);
const report = await runFailover({ cycles, seed, asShipped: values.shipped }, (line) =>
  console.log(line),
);
for (const line of reportLines(report)) console.log(line);
for (const problem of report.problems.slice(0, PROBLEMS_SHOWN)) console.log(`PROBLEM ${problem}`);
if (report.problems.length > 0) {
  console.log(
    `again with: npm run failover -- --cycles ${cycles} --seed ${seed}${values.shipped ? " --shipped" : ""}`,
  );
}
process.exit(report.problems.length === 0 ? 0 : 1);
