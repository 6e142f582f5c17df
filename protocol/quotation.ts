/** Prices and quantities between the wire's decimals and the book's integers. */
import type { Instrument } from "./instrument.ts";
import { formatDecimal, formatUnits, parseDecimal } from "./money.ts";

export type QuotationResult = { ok: true; value: number } | { ok: false; reason: string };

/** Reads dollars per Unit as ticks; refuses zero, too much, and what is between two ticks. */
export function parsePrice(instrument: Instrument, text: string): QuotationResult {
  const parsed = parseDecimal(text, 6);
  if (!parsed.ok) return { ok: false, reason: `price ${parsed.reason}` };
  const tick = BigInt(instrument.tickMicrosPerUnit);
  if (parsed.value % tick !== 0n) {
    return {
      ok: false,
      reason: `price "${text}" is not a multiple of the tick ${formatDecimal(tick, 6)}`,
    };
  }
  return inRange("price", text, parsed.value / tick, instrument.priceTicksMax, (max) =>
    formatPrice(instrument, max),
  );
}

/** Reads Units as increments; refuses zero, too much, and what is between two increments. */
export function parseQuantity(instrument: Instrument, text: string): QuotationResult {
  const parsed = parseDecimal(text, 6);
  if (!parsed.ok) return { ok: false, reason: `quantity ${parsed.reason}` };
  const increment = BigInt(instrument.incrementTokens);
  if (parsed.value % increment !== 0n) {
    return {
      ok: false,
      reason: `quantity "${text}" is not a multiple of the increment ${formatUnits(increment)}`,
    };
  }
  const increments = parsed.value / increment;
  return inRange("quantity", text, increments, instrument.orderIncrementsMax, (max) =>
    formatQuantity(instrument, max),
  );
}

function inRange(
  what: string,
  text: string,
  value: bigint,
  max: number,
  show: (max: number) => string,
): QuotationResult {
  if (value < 1n) return { ok: false, reason: `${what} "${text}" must be more than 0` };
  if (value > BigInt(max)) {
    return { ok: false, reason: `${what} "${text}" is more than the largest, ${show(max)}` };
  }
  return { ok: true, value: Number(value) };
}

/** Writes ticks as dollars per Unit, with the places of the tick. */
export function formatPrice(instrument: Instrument, ticks: number): string {
  const places = 6 - trailingZeros(instrument.tickMicrosPerUnit);
  const micros = BigInt(ticks) * BigInt(instrument.tickMicrosPerUnit);
  return formatDecimal(micros / 10n ** BigInt(6 - places), places);
}

/** Writes increments as Units. */
export function formatQuantity(instrument: Instrument, increments: number): string {
  return formatUnits(increments * instrument.incrementTokens);
}

function trailingZeros(value: number): number {
  return Math.min(6, /0*$/.exec(String(value))?.[0].length ?? 0);
}
