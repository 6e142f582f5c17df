/** A short run of real crashes in every test run, and the proof that a run can fail. */
import { expect, test } from "vitest";
import { runCrashes } from "./crash-run.ts";
import { KILL_KINDS } from "./kill-plan.ts";
import { reportLines } from "./report.ts";

/** As many as there are kinds, so that each comes once. */
const CYCLES = KILL_KINDS.length;
const RUN_MS_MAX = 240_000;

test(
  "nothing that a client was told is lost or doubled by a kill -9, whenever it comes",
  async () => {
    const seed = Date.now() % 1_000_000;
    const report = await runCrashes({ cycles: CYCLES, seed });
    expect(report.problems, `seed ${seed}`).toEqual([]);
    expect([...report.hit.values()].reduce((sum, count) => sum + count, 0)).toBe(CYCLES);
    expect(reportLines(report)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^lost +0$/)]),
    );
  },
  RUN_MS_MAX,
);

test(
  "an exchange that acknowledges before it writes is found out",
  async () => {
    const report = await runCrashes({ cycles: CYCLES, seed: 1, acknowledgesEarly: true });
    expect(report.problems).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^an answer named event \d+, the journal ends at \d+$/),
        expect.stringMatching(/^deposit \S+ is lost$/),
        // The read model knows more than the journal: the exchange itself refuses to go on.
        expect.stringMatching(/the end of the journal was lost/),
      ]),
    );
  },
  RUN_MS_MAX,
);
