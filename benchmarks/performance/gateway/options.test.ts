import { expect, test } from "vitest";
import { MEASURES, readOptions, TARGETS } from "./options.ts";

test("without flags everything is measured on everything", () => {
  const read = readOptions([]);
  expect(read).toMatchObject({ ok: true, options: { targets: TARGETS, only: MEASURES } });
});

test("names keep their usual sequence, however they were given", () => {
  const read = readOptions(["--only", "deltas,ttft", "--targets", "gridspot,direct"]);
  expect(read).toMatchObject({
    ok: true,
    options: { only: ["ttft", "deltas"], targets: ["direct", "gridspot"] },
  });
});

test.each([
  [["--only", "speed"], '--only names "speed"'],
  [["--targets", "direct,apache"], '--targets names "apache"'],
  [["--rounds", "none"], '--rounds is "none"'],
  [["--rounds"], "--rounds has no value"],
  [["--fast", "yes"], "--fast is no flag"],
])("%j is refused with a sentence", (flags, sentence) => {
  const read = readOptions(flags);
  expect(read.ok ? "" : read.problems.join()).toContain(sentence);
});
