import fc from "fast-check";
import { expect, test } from "vitest";
import { wilsonLower, Z_99, Z_999 } from "./wilson.ts";

test.each([
  // Figures of the usual formula, worked by hand to four places.
  [0, 100, Z_99, 0],
  [1, 100, Z_99, 0.0012],
  [5, 100, Z_99, 0.0182],
  [50, 100, Z_99, 0.387],
  [100, 100, Z_99, 0.9487],
  [12, 120, Z_999, 0.0429],
])("of %i in %i at least this share is proved", (failed, requests, z, expected) => {
  expect(wilsonLower(failed, requests, z)).toBeCloseTo(expected, 3);
});

test("nothing is proved by nothing", () => {
  expect(wilsonLower(0, 0, Z_99)).toBe(0);
});

const counts = fc
  .integer({ min: 1, max: 100_000 })
  .chain((requests) => fc.tuple(fc.integer({ min: 0, max: requests }), fc.constant(requests)));

test("the bound is never above what was seen, and higher with every failure", () => {
  fc.assert(
    fc.property(counts, ([failed, requests]) => {
      const lower = wilsonLower(failed, requests, Z_999);
      expect(lower).toBeGreaterThanOrEqual(0);
      expect(lower).toBeLessThanOrEqual(failed / requests + 1e-12);
      if (failed < requests) {
        expect(wilsonLower(failed + 1, requests, Z_999)).toBeGreaterThanOrEqual(lower);
      }
      // A good delivery more can only help: so only failures need to be looked at.
      expect(wilsonLower(failed, requests + 1, Z_999)).toBeLessThanOrEqual(lower);
      expect(lower).toBeLessThanOrEqual(wilsonLower(failed, requests, Z_99));
    }),
  );
});

test("ten times as much of the same proves more", () => {
  expect(wilsonLower(50, 1_000, Z_999)).toBeGreaterThan(wilsonLower(5, 100, Z_999));
});
