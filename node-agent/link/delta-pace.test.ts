import { expect, test } from "vitest";
import { BUSY_DELTAS_PER_SECOND, DeltaPace } from "./delta-pace.ts";

let nowMs = 1_000;

/** Counts so many deltas in equal steps; the answer to the last. */
function run(pace: DeltaPace, perSecond: number, seconds: number): boolean {
  let mayWait = false;
  for (let delta = 0; delta < perSecond * seconds; delta += 1) {
    nowMs += 1_000 / perSecond;
    mayWait = pace.count();
  }
  return mayWait;
}

test("deltas wait above the rate of a busy link, and not below", () => {
  const pace = new DeltaPace(() => nowMs);
  expect(run(pace, BUSY_DELTAS_PER_SECOND * 0.9, 0.5)).toBe(false);
  expect(run(pace, BUSY_DELTAS_PER_SECOND * 1.5, 0.5)).toBe(true);
  expect(run(pace, BUSY_DELTAS_PER_SECOND * 0.9, 0.5)).toBe(false);
});

test("on a link that was busy and fell silent the next delta does not wait", () => {
  const pace = new DeltaPace(() => nowMs);
  expect(run(pace, BUSY_DELTAS_PER_SECOND * 4, 0.5)).toBe(true);
  nowMs += 10_000;
  expect(pace.count()).toBe(false);
});

test("a burst of one moment is not yet a rate", () => {
  const pace = new DeltaPace(() => nowMs);
  const answers = Array.from({ length: 100 }, () => pace.count());
  expect(answers).not.toContain(true);
});
