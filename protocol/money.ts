/**
 * Money and quantities: integers inside, decimal strings outside.
 *
 * Money is `bigint` micro-dollars (`…Micros`); a price is a whole number of ticks per increment;
 * a quantity is a whole number of increments. Nothing here ever passes through a float.
 */

/** Micro-dollars in one dollar. */
export const MICROS_PER_DOLLAR = 1_000_000n;
/** Tokens in one Unit, of every instrument. */
export const TOKENS_PER_UNIT = 1_000_000;

/** The outcome of reading a decimal: the scaled integer, or a sentence that says what was wrong. */
export type DecimalResult = { ok: true; value: bigint } | { ok: false; reason: string };

/** Longest decimal string that is read at all: 12 integer digits, a point, 8 places. */
const DECIMAL_CHARACTERS_MAX = 21;
const DECIMAL = /^(0|[1-9]\d{0,11})(?:\.(\d{1,8}))?$/;

/**
 * Reads a plain decimal ("12.5") as an integer scaled by 10^places.
 * Refuses signs, exponents, NaN, leading zeros, blanks, and digits beyond `places` that are not 0.
 */
export function parseDecimal(text: string, places: number): DecimalResult {
  const shown = text.length > 32 ? `${text.slice(0, 32)}…` : text;
  if (text.length > DECIMAL_CHARACTERS_MAX) {
    return { ok: false, reason: `"${shown}" is longer than ${DECIMAL_CHARACTERS_MAX} characters` };
  }
  const match = DECIMAL.exec(text);
  if (match === null) {
    return {
      ok: false,
      reason: `"${shown}" is not a plain decimal like "12.5" (no sign, exponent or blanks, up to 12 digits before the point and 8 after)`,
    };
  }
  const fraction = (match[2] ?? "").replace(/0+$/, "");
  if (fraction.length > places) {
    return { ok: false, reason: `"${shown}" has more than ${places} decimal places` };
  }
  return { ok: true, value: BigInt(`${match[1]}${fraction.padEnd(places, "0")}`) };
}

/** Writes an integer scaled by 10^places as a decimal with all its places: (1500000n, 6) is "1.500000". */
export function formatDecimal(scaled: bigint, places: number): string {
  const sign = scaled < 0n ? "-" : "";
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(places + 1, "0");
  if (places === 0) return `${sign}${digits}`;
  return `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

/** Writes micro-dollars as dollars with six places. */
export function formatMicros(micros: bigint): string {
  return formatDecimal(micros, 6);
}

/** Writes tokens as Units with trailing zeros cut: 50000 is "0.05". */
export function formatUnits(tokens: number | bigint): string {
  return formatDecimal(BigInt(tokens), 6).replace(/\.?0+$/, "");
}

/** Division that rounds down: the part that is certainly earned (settlement pays this). */
export function divideFloor(numerator: bigint, denominator: bigint): bigint {
  if (numerator < 0n || denominator <= 0n) throw new RangeError("divideFloor takes n >= 0, d > 0");
  return numerator / denominator;
}

/** Division that rounds up: what must be set aside to be safe (fees and margins take this). */
export function divideCeil(numerator: bigint, denominator: bigint): bigint {
  if (numerator < 0n || denominator <= 0n) throw new RangeError("divideCeil takes n >= 0, d > 0");
  return (numerator + denominator - 1n) / denominator;
}

/** Basis points in the whole. */
export const BASIS_POINTS = 10_000n;

/** `bps` of an amount, rounded down. */
export function shareFloor(amount: bigint, bps: number): bigint {
  return divideFloor(amount * BigInt(bps), BASIS_POINTS);
}

/** `bps` of an amount, rounded up. */
export function shareCeil(amount: bigint, bps: number): bigint {
  return divideCeil(amount * BigInt(bps), BASIS_POINTS);
}
