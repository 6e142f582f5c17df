/** What tokens cost at the prices of the Lots they are reserved on. */
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { instrumentOf } from "#exchange/core/turn.ts";
import { divideFloor, TOKENS_PER_UNIT } from "#protocol/money.ts";

/** Tokens of one Lot within a reservation. */
export interface Part {
  lot: number;
  tokens: number;
  priceTicks: number;
}

/** What a Lot's next tokens cost: floor(value x used so far / tokens), less what was paid. */
export function costOfNext(lot: Lot, tokens: number): bigint {
  const used = BigInt(lot.usedTokens + tokens);
  return divideFloor(lot.valueMicros * used, BigInt(lot.tokens)) - lot.paidMicros;
}

/** Value of the first `tokens` of a reservation, in micro-dollars, rounded down once. */
export function valueOfParts(
  state: CoreState,
  symbol: string,
  parts: readonly Part[],
  tokens: number,
): bigint {
  const tickMicros = BigInt(instrumentOf(state, symbol).instrument.tickMicrosPerUnit);
  let left = tokens;
  let sum = 0n;
  for (const part of parts) {
    const taken = Math.min(left, part.tokens);
    sum += BigInt(taken) * BigInt(part.priceTicks);
    left -= taken;
  }
  return divideFloor(sum * tickMicros, BigInt(TOKENS_PER_UNIT));
}

/** All tokens of a reservation. */
export function tokensOfParts(parts: readonly Part[]): number {
  return parts.reduce((sum, { tokens }) => sum + tokens, 0);
}

/**
 * The most by which `theirs` may cost more than `ours`, however many tokens are used in the end: both
 * are straight lines between their parts' ends, so the largest gap is at one of those. Each part may
 * round down by a micro-dollar more than the other side.
 */
export function largestGapMicros(
  state: CoreState,
  symbol: string,
  theirs: readonly Part[],
  ours: readonly Part[],
): bigint {
  let largest = 0n;
  for (const parts of [theirs, ours]) {
    let tokens = 0;
    for (const part of parts) {
      tokens += part.tokens;
      const gap =
        valueOfParts(state, symbol, theirs, tokens) - valueOfParts(state, symbol, ours, tokens);
      if (gap > largest) largest = gap;
    }
  }
  return largest === 0n ? 0n : largest + BigInt(theirs.length + ours.length);
}
