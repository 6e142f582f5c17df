/**
 * What tokens cost, what a failure may cost and what the market's price is, written down a second time
 * from the rules in plain arithmetic: nothing here calls the core, which is what it is held against.
 */

/** Tokens of a Lot within a reservation, at that Lot's price. */
export interface PricedTokens {
  lot: number;
  tokens: number;
  priceTicks: number;
}

const TOKENS_PER_UNIT = 1_000_000n;
const RECENT_FILLS_MAX = 21;
const FILLS_MIN = 5;
const FILL_AGE_MS_MAX = 3_600_000;

export const totalTokens = (parts: readonly PricedTokens[]): number =>
  parts.reduce((sum, { tokens }) => sum + tokens, 0);

/** Micro-dollars of the first `tokens`, rounded down once. */
export function priceOf(
  parts: readonly PricedTokens[],
  tokens: number,
  tickMicrosPerUnit: number,
): bigint {
  let left = BigInt(tokens);
  let scaled = 0n;
  for (const part of parts) {
    const here = left < BigInt(part.tokens) ? left : BigInt(part.tokens);
    scaled += here * BigInt(part.priceTicks) * BigInt(tickMicrosPerUnit);
    left -= here;
  }
  return scaled / TOKENS_PER_UNIT;
}

/**
 * The most that `theirs` can cost more than `ours`, for whatever number of tokens: looked for at every
 * single number, and a micro-dollar of rounding for each Lot on top.
 */
export function worstGap(
  theirs: readonly PricedTokens[],
  ours: readonly PricedTokens[],
  tickMicrosPerUnit: number,
): { atLeast: bigint; atMost: bigint } {
  let worst = 0n;
  for (let tokens = 1; tokens <= totalTokens(ours); tokens += 1) {
    const gap =
      priceOf(theirs, tokens, tickMicrosPerUnit) - priceOf(ours, tokens, tickMicrosPerUnit);
    if (gap > worst) worst = gap;
  }
  const rounding = BigInt(theirs.length + ours.length);
  return { atLeast: worst, atMost: worst + rounding };
}

export interface Fill {
  priceTicks: number;
  atMs: number;
}

/** Remembers a fill between two parties of the market; the oldest makes room. */
export function rememberFill(fills: Fill[], fill: Fill): void {
  fills.push(fill);
  if (fills.length > RECENT_FILLS_MAX) fills.shift();
}

/** The median of the fills of the last hour; null while there are too few. */
export function medianPrice(fills: readonly Fill[], nowMs: number): number | null {
  const prices = fills.filter(({ atMs }) => nowMs - atMs <= FILL_AGE_MS_MAX);
  if (prices.length < FILLS_MIN) return null;
  const sorted = prices.map(({ priceTicks }) => priceTicks).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
