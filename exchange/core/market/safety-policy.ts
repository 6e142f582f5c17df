/** The numbers that keep prices from running away: bands, protection in thin books, breakers, limits. */
import { type Static, Type } from "typebox";

const Bps = Type.Integer({ minimum: 0, maximum: 10_000 });
const Count = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

export const SafetyPolicySchema = Type.Object(
  {
    /** How far beyond the reference price a buy may bid, and below it a sale ask. */
    bandBps: Bps,
    /** The same in a thin book. */
    bandThinBps: Bps,
    /** A book with orders of fewer owners is thin. */
    thinOwnersMin: Count,
    /** In a thin book, how far from the best price a market order may trade. */
    marketProtectionThinBps: Bps,
    /** A price that moves that much within that time leads into a call auction. */
    breakers: Type.Array(
      Type.Object(
        {
          withinMs: Type.Integer({ minimum: 1, maximum: 3_600_000 }),
          moveBps: Type.Integer({ minimum: 1, maximum: 100_000 }),
        },
        { additionalProperties: false },
      ),
      { maxItems: 4 },
    ),
    auctionMs: Type.Integer({ minimum: 1, maximum: 3_600_000 }),
    openOrdersPerInstrumentMax: Count,
    stopOrdersPerInstrumentMax: Count,
  },
  { additionalProperties: false },
);

export type SafetyPolicy = Static<typeof SafetyPolicySchema>;
