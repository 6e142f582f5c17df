import { expect, test } from "vitest";
import { Rate } from "./rate.ts";
import { RoundTrips } from "./round-trips.ts";

test("a burst is taken at once, and then only what has come in since", () => {
  const rate = new Rate({ perSecond: 10, burst: 5 }, 0);
  expect(rate.take(5, 0)).toBe(true);
  expect(rate.take(1, 0)).toBe(false);
  expect(rate.waitMs(1, 0)).toBe(100);
  expect(rate.take(1, 100)).toBe(true);
  expect(rate.take(6, 1_000_000)).toBe(false);
  expect(rate.take(5, 1_000_000)).toBe(true);
});

test("the round trip is the median of the last twenty", () => {
  const roundTrips = new RoundTrips();
  expect(roundTrips.medianMs).toBe(null);
  for (let sample = 0; sample < 30; sample += 1) roundTrips.add(1_000);
  for (let sample = 0; sample < 11; sample += 1) roundTrips.add(5);
  expect(roundTrips.medianMs).toBe(5);
});
