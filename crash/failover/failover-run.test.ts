/** A short run of real failures in every test run: each kind of fault comes at least once. */
import { expect, test } from "vitest";
import { runFailover } from "./failover-run.ts";

const CYCLES = 5;
const RUN_MS_MAX = 300_000;

test(
  "a supplier that fails costs its buyers nothing and itself what the rules say",
  async () => {
    const seed = Date.now() % 1_000_000;
    const report = await runFailover({ cycles: CYCLES, seed });
    expect(report.problems, `seed ${seed}`).toEqual([]);
  },
  RUN_MS_MAX,
);
