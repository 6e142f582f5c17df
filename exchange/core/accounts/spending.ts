/** What the exchange may spend for an account when it buys by itself: price ceilings and spend caps. */
import { reject } from "#exchange/core/rejections.ts";
import type { Account } from "#exchange/core/state.ts";
import { formatMicros } from "#protocol/money.ts";
import type { Spending } from "./settings.ts";

const DAY_MS = 24 * 3_600_000;

/** The begin of the UTC day of a time. */
export function dayStartMs(atMs: number): number {
  return atMs - (atMs % DAY_MS);
}

/** The begin of the UTC month of a time. */
export function monthStartMs(atMs: number): number {
  const date = new Date(atMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/** The begin of the next UTC month. */
export function nextMonthMs(atMs: number): number {
  const date = new Date(atMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

/** What an automatic purchase pays at most per Unit, in ticks; null without a ceiling. */
export function ceilingTicks({ settings }: Account, symbol: string): number | null {
  return settings.priceCeilings.find((each) => each.symbol === symbol)?.priceTicks ?? null;
}

/** Spending of the running day and month after an automatic purchase. */
export function spendingAfter(before: Spending | null, atMs: number, micros: bigint): Spending {
  const day = dayStartMs(atMs);
  const month = monthStartMs(atMs);
  return {
    dayStartMs: day,
    dayMicros: (before?.dayStartMs === day ? before.dayMicros : 0n) + micros,
    monthStartMs: month,
    monthMicros: (before?.monthStartMs === month ? before.monthMicros : 0n) + micros,
  };
}

/** Why a purchase of that much would pass a cap, or null when it does not. */
export function capProblem(
  { settings, spending }: Account,
  nowMs: number,
  micros: bigint,
): ReturnType<typeof reject> | null {
  const after = spendingAfter(spending, nowMs, micros);
  const caps = [
    { period: "day", cap: settings.spendCapDayMicros, sum: after.dayMicros },
    { period: "month", cap: settings.spendCapMonthMicros, sum: after.monthMicros },
  ];
  for (const { period, cap, sum } of caps) {
    if (cap === null || sum <= cap) continue;
    const left = sum - micros < cap ? cap - (sum - micros) : 0n;
    return reject(
      "spend-cap-reached",
      `the request needs ${formatMicros(micros)} USD, your cap leaves ${formatMicros(left)} for this UTC ${period}; raise it or wait`,
      { required: formatMicros(micros), left: formatMicros(left), period },
    );
  }
  return null;
}
