/** `docs/failures.md` names a test for every failure; each of them has to be there under that name. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { testTitles } from "./test-titles.fixture.ts";

const root = new URL("../", import.meta.url);
const page = readFileSync(new URL("docs/failures.md", root), "utf8");

interface Row {
  number: number;
  /** Titles in the cell, also of tests whose file is not named as it should be. */
  quoted: number;
  tests: { file: string; title: string }[];
}

const rows: Row[] = page.split("\n").flatMap((line) => {
  const cells = line.split(" | ");
  const number = Number(/^\| (\d+)$/.exec(cells[0] ?? "")?.[1]);
  if (!Number.isInteger(number)) return [];
  const cell = cells.at(-1) ?? "";
  const named = cell.matchAll(/`([^`]+)` “([^”]+)”/g);
  const quoted = cell.split("“").length - 1;
  return [
    { number, quoted, tests: [...named].map(([, file = "", title = ""]) => ({ file, title })) },
  ];
});

test("the failures are numbered from 1, without gaps, and none of them is gone", () => {
  expect(rows.length).toBeGreaterThanOrEqual(45);
  expect(rows.map(({ number }) => number)).toEqual(rows.map((_, n) => n + 1));
});

test.each(rows)("failure $number names tests that are there", ({ tests, quoted }) => {
  expect(tests.length).toBeGreaterThan(0);
  expect(tests.length).toBe(quoted);
  for (const { file, title } of tests) {
    const titles = testTitles(readFileSync(new URL(file, root), "utf8"));
    expect(titles.has(title), `${file} runs no test "${title}"`).toBe(true);
  }
});

test("a title counts where a test that is run has it, and nowhere else", () => {
  const source = `
    // test("in a comment", () => {});
    const text = "in a text";
    test("run", () => { expect("within").toBe("within"); });
    test.skip("skipped", () => {});
    test.todo("to do");
    describe.skip("a skipped group", () => { test("in a skipped group", () => {}); });
    describe("a group", () => { it.skipIf(true)("skipped if", () => {}); });
    const ROWS = [["a row of a constant", 1], ["another"]] as const;
    test.each(ROWS)("%s", () => {});
    test.each<[string]>([["a row"]] as [string][])("run for each", () => {});
    test.skip.each([["a skipped row"]])("%s of them", () => {});`;
  expect([...testTitles(source)].sort()).toEqual(
    ["run", "a group", "%s", "a row of a constant", "another", "run for each", "a row"].sort(),
  );
});
