/**
 * The numbers of the SLA: when a delivery is slow or failed, what a failure costs, and when a supplier
 * is paused. Part of `config/policy.json` under `sla`; every verdict and charge names its version.
 *
 * Shapes and first values follow the project's own study of SLA designs (ERCOT's dead band, PJM's
 * escalation, UCC 2-712 for cover); `docs/sla.md` explains each number.
 */
import { type Static, Type } from "typebox";

const Bps = Type.Integer({ minimum: 0, maximum: 10_000 });
/** May be above the whole: a multiple. */
const Multiple = Type.Integer({ minimum: 0, maximum: 1_000_000 });
const Count = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const Micros = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const SlaPolicySchema = Type.Object(
  {
    version: Type.String({ minLength: 1, maxLength: 40 }),
    /** Prompt tokens that the instrument's first-token ceiling covers; each further one adds time. */
    promptTokensFree: Count,
    /** Microseconds that a further prompt token adds to the ceiling. */
    firstTokenMicrosPerPromptToken: Count,
    /** A first token later than this many times the ceiling, and than the next figure, is a failure. */
    firstTokenFailureFactor: Count,
    firstTokenFailureMsMin: Count,
    /** Most of the link's round trip that is taken off a supplier's time. */
    roundTripMsMax: Count,
    /** Shorter answers say nothing of speed. */
    scoredOutputTokensMin: Count,
    /** Output tokens that a failed attempt counts for, unless its maximum is lower. */
    imputedOutputTokens: Count,
    /** Slower than the limit by less than this is no slowness. */
    slowBpsMin: Bps,
    /** Part of a delivery's value given back per whole of slowness. */
    slowCreditBps: Bps,
    /** Share of deliveries that may be slow in a window. */
    slowShareFreeBps: Bps,
    /** A window with fewer deliveries is carried over to the next. */
    requestsPerWindowMin: Count,
    windowMs: Count,
    windowsCarriedMax: Count,
    /** Charge per value that failed beyond the error budget: base + slope x depth, at most max. */
    penaltyBaseBps: Multiple,
    penaltySlopeBps: Multiple,
    penaltyMaxBps: Multiple,
    /** By strike level; the last holds for all above. */
    repetitionBps: Type.Array(Multiple, { minItems: 1, maxItems: 10 }),
    /** A window's charge without cover, at most this part of the supplier's Lots open in it. */
    penaltyCapBps: Multiple,
    /** Of the failed value, to the buyers; the rest goes to the guaranty fund. */
    compensationBpsMax: Bps,
    /** Cover is bought at most this far above the reference price. */
    coverPriceBpsMax: Bps,
    /** Most that a supplier pays for cover, of the larger of Lot and reference price. */
    coverChargeBpsMax: Multiple,
    /** What the guaranty fund adds per supplier and window. */
    fundCoverMicrosMax: Micros,
    /** Lots below this part of the reference price get nothing from the fund. */
    fundPriceBpsMin: Bps,
    /** Longest absence first reached: part of the open Lots' value, times the share of time left. */
    abandonment: Type.Array(Type.Object({ awayMs: Count, chargeBps: Bps }), {
      minItems: 1,
      maxItems: 10,
    }),
    /** A supplier away this long has its Lots closed out. */
    closeOutMs: Count,
    /** Announced absence of seven days that costs nothing but cover; `DRAIN_ALLOWANCE_MS` where nothing is said. */
    drainAllowanceMs: Type.Optional(Count),
    /** Time to link again after a restart of the exchange; `RECONNECT_MS` where nothing is said. */
    reconnectMs: Type.Optional(Count),
    /** How long a part of each pay-out stays with the exchange, and which, by tier. */
    holdbackMs: Count,
    holdbackBps: Type.Object({ probation: Bps, standard: Bps, gold: Bps }),
    /** Probation ends after this time and this many good deliveries. */
    probationMs: Count,
    probationRequestsMin: Count,
    /** Failures in a row, within a time, that open the breaker; each opening doubles, up to a limit. */
    breakerFailures: Count,
    breakerWithinMs: Count,
    breakerOpenMs: Count,
    breakerOpenMsMax: Count,
    /** Deliveries at once to a supplier whose breaker is half-open; `BREAKER_TRIALS_MAX` where nothing is said. */
    breakerTrialsMax: Type.Optional(Count),
    /** Above this share of failures a supplier's slots are halved, step by step. */
    throttleWindowMs: Count,
    throttleRequestsMin: Count,
    throttleFailureBps: Bps,
    throttleStepMs: Count,
    /** Given back per step once failures are rarer; the weight never falls below the second. */
    throttleRecoveryBps: Bps,
    throttleWeightBpsMin: Bps,
    /** So many times others' share of requests refused as the buyer's fault, and more than that, is implausible. */
    refusalsFactor: Type.Optional(Count),
    refusalsFreeBps: Type.Optional(Bps),
    /** Wilson's lower bound (99.9 %) of the failure rate above this many error budgets suspends. */
    suspensionRequestsMin: Count,
    suspensionErrorFactor: Count,
    /** By level; the last holds for all above. */
    suspensionMs: Type.Array(Count, { minItems: 1, maxItems: 10 }),
    /** A level is forgiven per this much time without a further suspension. */
    suspensionForgivenMs: Count,
  },
  { additionalProperties: false },
);

export type SlaPolicy = Static<typeof SlaPolicySchema>;
