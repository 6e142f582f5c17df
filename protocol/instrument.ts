/**
 * What an instrument is: the thresholds a server must meet and the steps in which it is traded.
 * The published set lives in `config/instruments.json`.
 */
import { type Static, Type } from "typebox";
import { TOKENS_PER_UNIT } from "./money.ts";

const PositiveInteger = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

export const InstrumentSchema = Type.Object(
  {
    symbol: Type.String({ pattern: "^[a-z][a-z0-9-]{1,31}$" }),
    name: Type.String({ minLength: 1, maxLength: 64 }),
    description: Type.String({ maxLength: 400 }),
    version: PositiveInteger,
    /** Smallest quality index accepted, or null where quality is not promised. */
    qualityScoreMin: Type.Union([Type.Number({ minimum: 0, maximum: 100 }), Type.Null()]),
    qualityIndex: Type.String({ maxLength: 120 }),
    firstTokenMsMax: PositiveInteger,
    tokensPerSecondMin: Type.Number({ exclusiveMinimum: 0 }),
    contextTokensMin: PositiveInteger,
    outputTokensMin: PositiveInteger,
    errorRateMax: Type.Number({ minimum: 0, maximum: 1 }),
    uptimeMin: Type.Number({ minimum: 0, maximum: 1 }),
    /** Output reserved when a request names no maximum, in reference tokens. */
    defaultMaxOutputTokens: PositiveInteger,
    bodyBytesMax: PositiveInteger,
    incrementTokens: PositiveInteger,
    tickMicrosPerUnit: PositiveInteger,
    orderIncrementsMax: PositiveInteger,
    priceTicksMax: Type.Integer({ minimum: 1, maximum: 2_000_000_000 }),
    /** What Units are thought to be worth before there are fills: price bands begin there. In ticks. */
    initialReferenceTicks: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_000_000_000 })),
    /** The encoding that counts every token of this instrument. */
    referenceTokenizer: Type.Literal("o200k_base"),
  },
  { additionalProperties: false },
);

/** One instrument: promises (floors and ceilings) and trading steps. Token counts are in reference tokens. */
export type Instrument = Static<typeof InstrumentSchema>;

/** Micro-dollars of one tick on one increment; a whole number, or the instrument does not load. */
export function tickValueMicros(instrument: Instrument): number {
  return (instrument.tickMicrosPerUnit * instrument.incrementTokens) / TOKENS_PER_UNIT;
}

/** What stops an instrument from being listed, as sentences; empty when it is sound. */
export function instrumentProblems(instrument: Instrument): string[] {
  const problems: string[] = [];
  if (!Number.isInteger(tickValueMicros(instrument))) {
    problems.push(
      `${instrument.symbol}: tick x increment is ${tickValueMicros(instrument)} micro-dollars, expected a whole number`,
    );
  }
  if (TOKENS_PER_UNIT % instrument.incrementTokens !== 0) {
    problems.push(`${instrument.symbol}: incrementTokens must divide ${TOKENS_PER_UNIT}`);
  }
  if (instrument.outputTokensMin > instrument.contextTokensMin) {
    problems.push(`${instrument.symbol}: outputTokensMin is larger than contextTokensMin`);
  }
  return problems;
}

/** Value in micro-dollars of a quantity at a price; the one place where book integers become money. */
export function valueMicros(
  instrument: Instrument,
  priceTicks: number,
  quantityIncrements: number,
): bigint {
  return BigInt(priceTicks) * BigInt(quantityIncrements) * BigInt(tickValueMicros(instrument));
}

/** Tokens in a quantity of increments. */
export function tokensOf(instrument: Instrument, quantityIncrements: number): number {
  return quantityIncrements * instrument.incrementTokens;
}

/** Increments needed to hold a number of tokens, rounded up. */
export function incrementsFor(instrument: Instrument, tokens: number): number {
  return Math.ceil(tokens / instrument.incrementTokens);
}
