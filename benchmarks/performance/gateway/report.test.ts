import { expect, test } from "vitest";
import { paired, type Rounds, rateTable, show, spread } from "./report.ts";

const rounds: Rounds = new Map([
  ["portkey", [{ requestsPerSecond: 100 }, { requestsPerSecond: 400 }]],
  ["gridspot", [{ requestsPerSecond: 1_000 }, { requestsPerSecond: 800 }]],
]);

test("a spread names the least, the middle and the most, in any sequence", () => {
  expect(spread([3, 1, 2])).toEqual([1, 2, 3]);
  expect(spread([4, 1, 3, 2])).toEqual([1, 2, 4]);
});

test("one round shows no spread, and what was not measured shows nothing", () => {
  expect(show([1234.5], 1)).toBe("1,234.5");
  expect(show([1, 2, 3], 0)).toBe("2 [1..3]");
  expect(show([Number.NaN, 1], 0)).toBe("");
});

test("targets are compared round by round, not median by median", () => {
  const ratios = paired(rounds, ["gridspot", "portkey"], "requestsPerSecond", (a, b) => a / b);
  expect(ratios).toEqual([10, 2]);
});

test("a target that did not run leaves its column empty", () => {
  const table = rateTable(rounds, "requestsPerSecond", "cpuPerRequest");
  const row = table.split("\n").find((line) => line.startsWith("| gridspot"));
  expect(row?.split("|").map((cell) => cell.trim())).toEqual([
    "",
    "gridspot",
    "800 [800..1,000]",
    "",
    "",
    "2.00 [2.00..10.00]",
    "",
    "",
    "",
  ]);
});
