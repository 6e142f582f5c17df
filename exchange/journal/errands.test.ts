import { expect, test } from "vitest";
import { ask, type ErrandWork, finish, finishNow, type RunErrandNow } from "./errands.ts";

test("an errand that fails lets the work clean up, at once or errand by errand", async () => {
  const cleaned: string[] = [];
  function* work(name: string): ErrandWork<void> {
    try {
      yield* ask({ type: "list-snapshots" });
    } finally {
      cleaned.push(name);
    }
  }
  const run: RunErrandNow = () => {
    throw new Error("no disk");
  };
  expect(() => finishNow(work("at once"), run)).toThrow("no disk");
  const later = finish(work("by errand"), async (errand) => run(errand));
  await expect(later).rejects.toThrow("no disk");
  expect(cleaned).toEqual(["at once", "by errand"]);
});
