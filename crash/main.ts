/** `npm run crash -- --cycles N [--seed S]`: kills the exchange N times; exit code 1 when anything was lost. */
import { parseArgs } from "node:util";
import { runCrashes } from "./crash-run.ts";
import { reportLines } from "./report.ts";

const CYCLES_DEFAULT = "100";
const PROBLEMS_SHOWN = 20;

const { values } = parseArgs({
  options: { cycles: { type: "string", default: CYCLES_DEFAULT }, seed: { type: "string" } },
});
const cycles = Number(values.cycles);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!Number.isSafeInteger(cycles) || cycles < 1 || !Number.isSafeInteger(seed)) {
  console.error("usage: npm run crash -- --cycles N [--seed S], both whole numbers");
  process.exit(2);
}
console.log(`seed ${seed}, ${cycles} cycles`);
const report = await runCrashes({ cycles, seed }, (line) => console.log(line));
for (const line of reportLines(report)) console.log(line);
for (const problem of report.problems.slice(0, PROBLEMS_SHOWN)) console.log(`PROBLEM ${problem}`);
if (report.problems.length > 0) {
  console.log(`again with: npm run crash -- --cycles ${cycles} --seed ${seed}`);
}
process.exit(report.problems.length === 0 ? 0 : 1);
