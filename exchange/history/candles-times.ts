/**
 * The nine published resolutions and where their candles begin: all on the UTC grid, weeks on Monday
 * (ISO 8601), months on the first.
 */

export const RESOLUTIONS = ["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "1M"] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The epoch was a Thursday: the Monday of its week lies so far before it. */
const EPOCH_AFTER_MONDAY_MS = 3 * DAY_MS;

/** Length in milliseconds; months have none. */
const LENGTH_MS: Record<Exclude<Resolution, "1M">, number> = {
  "1m": MINUTE_MS,
  "5m": 5 * MINUTE_MS,
  "15m": 15 * MINUTE_MS,
  "30m": 30 * MINUTE_MS,
  "1h": 60 * MINUTE_MS,
  "4h": 240 * MINUTE_MS,
  "1d": DAY_MS,
  "1w": 7 * DAY_MS,
};

export function isResolution(text: string): text is Resolution {
  return (RESOLUTIONS as readonly string[]).includes(text);
}

/** When the candle that holds this moment began, in milliseconds since the epoch. */
export function candleStartMs(resolution: Resolution, atMs: number): number {
  if (resolution === "1M") return monthStartMs(atMs, 0);
  const offMs = resolution === "1w" ? EPOCH_AFTER_MONDAY_MS : 0;
  const lengthMs = LENGTH_MS[resolution];
  return Math.floor((atMs + offMs) / lengthMs) * lengthMs - offMs;
}

/** When the candle after the one that began at `startMs` begins. */
export function candleEndMs(resolution: Resolution, startMs: number): number {
  return resolution === "1M" ? monthStartMs(startMs, 1) : startMs + LENGTH_MS[resolution];
}

function monthStartMs(atMs: number, monthsLater: number): number {
  const date = new Date(atMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + monthsLater, 1);
}
