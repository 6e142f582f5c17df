/**
 * The numbers that people decide: fees, margins, limits. Edited in `config/policy.json`, adopted by
 * an event so that the journal says which policy was in force when.
 */
import { type Static, Type } from "typebox";
import { SafetyPolicySchema } from "./market/safety-policy.ts";
import { SlaPolicySchema } from "./sla/policy.ts";

const Bps = Type.Integer({ minimum: 0, maximum: 10_000 });
const Count = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

export const MarketPolicySchema = Type.Object(
  {
    version: Type.String({ minLength: 1, maxLength: 40 }),
    takerFeeBps: Bps,
    makerFeeBps: Bps,
    /** Bond held per value of asks and open Lots. */
    bondMarginBps: Type.Integer({ minimum: 0, maximum: 100_000 }),
    /** Share of measured capacity that may be owed at once. */
    issuanceThetaBps: Type.Integer({ minimum: 0, maximum: 100_000 }),
    /** How far from the best price a market order or an automatic purchase may pay. */
    marketProtectionBps: Bps,
    lotLifetimeMs: Count,
    supplierGraceMs: Count,
    /** Longest a reservation may stand before it is given back. */
    deliveryTimeMsMax: Count,
    /** A slot counts for a supplier that was away no longer than this in it. */
    slotAwayMsMax: Count,
    attemptsMax: Count,
    defaultMaxOutputTokensMin: Count,
    openOrdersPerAccountMax: Count,
    openDeliveriesPerAccountMax: Count,
    clientIdsPerAccountMax: Count,
    clientIdKeptMs: Count,
    /** How long a deposit's reference is remembered; `REFERENCE_KEPT_MS` where nothing is said. */
    depositReferenceKeptMs: Type.Optional(Count),
    dueItemsPerTurnMax: Count,
    /** How long a withdrawal may stay open; `WITHDRAWAL_KEPT_MS` where nothing is said. */
    withdrawalKeptMs: Type.Optional(Count),
    /** How fast one Lot may be drawn on, in tokens per minute and at once; without it as fast as one likes. */
    draw: Type.Optional(
      Type.Object({ tokensPerMinute: Count, burstTokens: Count }, { additionalProperties: false }),
    ),
    sla: SlaPolicySchema,
    /** Without it there are no bands, breakers or limits per instrument: as before there were any. */
    safety: Type.Optional(SafetyPolicySchema),
  },
  { additionalProperties: false },
);

/** 90 days: far longer than a transfer is ever repeated. */
export const REFERENCE_KEPT_MS = 90 * 24 * 3_600_000;

/** 14 days: an operator that has not paid by then has to be asked anew. */
export const WITHDRAWAL_KEPT_MS = 14 * 24 * 3_600_000;

export type MarketPolicy = Static<typeof MarketPolicySchema>;
