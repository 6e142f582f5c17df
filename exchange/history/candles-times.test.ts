import { describe, expect, test } from "vitest";
import { candleEndMs, candleStartMs, RESOLUTIONS, type Resolution } from "./candles-times.ts";

const at = (text: string) => Date.parse(text);
const iso = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");

const PLACES: [Resolution, moment: string, start: string, end: string][] = [
  ["1m", "2026-11-25T10:59:59.999Z", "2026-11-25T10:59:00Z", "2026-11-25T11:00:00Z"],
  ["5m", "2026-11-25T10:59:59.999Z", "2026-11-25T10:55:00Z", "2026-11-25T11:00:00Z"],
  ["15m", "2026-11-25T10:44:59.999Z", "2026-11-25T10:30:00Z", "2026-11-25T10:45:00Z"],
  ["30m", "2026-11-25T10:30:00.000Z", "2026-11-25T10:30:00Z", "2026-11-25T11:00:00Z"],
  ["1h", "2026-11-25T23:59:59.999Z", "2026-11-25T23:00:00Z", "2026-11-26T00:00:00Z"],
  ["4h", "2026-11-25T03:59:59.999Z", "2026-11-25T00:00:00Z", "2026-11-25T04:00:00Z"],
  ["1d", "2026-12-31T23:59:59.999Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"],
  // 25 November 2026 is a Wednesday.
  ["1w", "2026-11-25T12:00:00.000Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"],
  ["1w", "2026-11-29T23:59:59.999Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"],
  ["1w", "2026-11-30T00:00:00.000Z", "2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"],
  // Over a new year, whose first days belong to the last week of the old one.
  ["1w", "2027-01-03T05:00:00.000Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"],
  ["1M", "2028-02-29T23:59:59.999Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"],
  ["1M", "2027-02-28T23:59:59.999Z", "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z"],
  ["1M", "2026-12-31T23:59:59.999Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"],
  ["1M", "2027-01-01T00:00:00.000Z", "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"],
];

test.each(PLACES)("a %s candle that holds %s begins at %s and ends at %s", (...place) => {
  const [resolution, moment, start, end] = place;
  const startMs = candleStartMs(resolution, at(moment));
  expect([iso(startMs), iso(candleEndMs(resolution, startMs))]).toEqual([start, end]);
});

describe.each(RESOLUTIONS)("%s candles", (resolution) => {
  test("follow one another without gap or overlap, over two years", () => {
    let startMs = candleStartMs(resolution, at("2026-12-31T23:59:00Z"));
    for (let count = 0; count < 1_000 && startMs < at("2029-01-01T00:00:00Z"); count += 1) {
      const endMs = candleEndMs(resolution, startMs);
      expect(candleStartMs(resolution, startMs)).toBe(startMs);
      expect(candleStartMs(resolution, endMs - 1)).toBe(startMs);
      expect(candleStartMs(resolution, endMs)).toBe(endMs);
      startMs = endMs;
    }
  });

  test("of long ago are on the same grid", () => {
    const startMs = candleStartMs(resolution, at("1969-12-31T23:59:59.999Z"));
    expect(startMs).toBeLessThan(0);
    expect(candleEndMs(resolution, startMs)).toBeGreaterThanOrEqual(0);
  });
});
