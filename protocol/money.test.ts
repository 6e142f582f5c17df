import { expect, test } from "vitest";
import { divideCeil, formatMicros, formatUnits, parseDecimal, shareCeil } from "./money.ts";

test.each([
  ["12.5", 12_500_000n],
  ["0", 0n],
  ["0.000001", 1n],
  ["1.50000000", 1_500_000n],
  ["999999999999", 999_999_999_999_000_000n],
])("%s is read exactly", (text, value) => {
  expect(parseDecimal(text, 6)).toEqual({ ok: true, value });
});

test.each([
  "",
  "NaN",
  "Infinity",
  "-1",
  "+1",
  "1e3",
  "01",
  ".5",
  "1.",
  "0.0000001",
  " 1",
  "1,5",
  "9".repeat(40),
])("%j is refused with a reason", (text) => {
  const parsed = parseDecimal(text, 6);
  expect(parsed).toMatchObject({ ok: false, reason: expect.stringContaining('"') });
});

test("amounts are written with all their places, Units without idle zeros", () => {
  expect(formatMicros(-1_500_001n)).toBe("-1.500001");
  expect(formatUnits(50_000)).toBe("0.05");
  expect(formatUnits(2_000_000)).toBe("2");
});

test("fees and margins round up, to the side that must be safe", () => {
  expect(shareCeil(1n, 100)).toBe(1n);
  expect(shareCeil(50_000n, 100)).toBe(500n);
  expect(divideCeil(7n, 7n)).toBe(1n);
});
