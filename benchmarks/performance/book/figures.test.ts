import { expect, test } from "vitest";
import { geometricMean, median, quantile, spread } from "./figures.ts";

test.each([
  [[3], 0.999, 3],
  [[3, 1, 2], 0.5, 2],
  [Array.from({ length: 1_000 }, (_, n) => 999 - n), 0.99, 990],
  [[1, 10, 2], 0, 1],
] as const)("quantile of case %#", (values, q, expected) => {
  expect(quantile(values, q)).toBe(expected);
});

test("ratios are averaged so that twice and half as fast cancel out", () => {
  expect(geometricMean([2, 0.5])).toBeCloseTo(1);
  expect(geometricMean([100, 400])).toBeCloseTo(200);
});

test("a spread has the median, not the mean, between its ends", () => {
  expect(median([1, 2, 3_000])).toBe(2);
  expect(spread([1_000.4, 2, 3])).toBe("3 [2..1,000]");
  expect(spread([1, 2], 1)).toBe("2.0 [1.0..2.0]");
});
