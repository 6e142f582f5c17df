/**
 * How suppliers stand: per instrument a scorecard of the running window, rolling counts, and what
 * follows from them (tier, breaker, weight, suspension). Plain data, changed by events alone.
 */
import type { Verdict } from "#exchange/core/sla/verdict.ts";
import type { CoreState } from "#exchange/core/state.ts";

export type Tier = "probation" | "standard" | "gold";
/** The least trusted first. */
export const TIERS: readonly Tier[] = ["probation", "standard", "gold"];

/** A supplier that is dispatched to as much as any other. */
export const WEIGHT_BPS_WHOLE = 10_000;

/** Attempts of a stretch of time (its number on the UTC grid of that stretch's length). */
export interface Stretch {
  slot: number;
  scored: number;
  failed: number;
}

export interface VerdictCount {
  requests: number;
  tokens: number;
}

/** What a supplier did for one instrument since its last window was closed. */
export interface Scorecard extends Record<Verdict, VerdictCount> {
  endsAtMs: number;
  /** Windows that had too few deliveries to be closed. */
  windowsCarried: number;
  failedMicros: bigint;
  /** Value of the Lots that were open at some time of it. */
  lotsMicros: bigint;
  /** By buyer: value that failed, and value that was slow times its slowness. */
  buyers: Map<number, { failedMicros: bigint; slowMicros: bigint }>;
}

/** The last window that was closed. */
export interface ClosedWindow {
  endsAtMs: number;
  requests: number;
  slowRequests: number;
  failedRequests: number;
  failureRatePpm: number;
  chargeMicros: bigint;
  capMicros: bigint;
}

/** Open: nothing is dispatched. Half-open: the next verdict on a trial closes or opens it. */
export type Breaker =
  | { phase: "closed" }
  | { phase: "open"; openings: number; halfOpensAtMs: number }
  /** `trials`: deliveries that were sent on trial and have no verdict yet. */
  | { phase: "half-open"; openings: number; trials: number[] };

export interface IdleTime {
  sinceMs: number | null;
  /** Of times that are over, by slot. */
  msBySlot: Map<number, number>;
}

/** One supplier and instrument. */
export interface Standing {
  account: number;
  symbol: string;
  tier: Tier;
  tierSinceMs: number;
  /** Attempts in this tier. */
  inTier: { scored: number; failed: number };
  /** Charged windows, less clean ones since. */
  strikes: number;
  /** Value of its open Lots as they were bought. */
  openLotsMicros: bigint;
  /** Null until something happens in the next window. */
  card: Scorecard | null;
  lastWindow: ClosedWindow | null;
  /** When the supplier did not serve the instrument: not linked with it, or paused. */
  idle: IdleTime;
  /** Slots in which the last request that counts failed. */
  failedSlots: Set<number>;
  /** It failed, or crashed under a request, and has served none since. */
  isUnwell: boolean;
  /** When attempts failed one after another, the latest last. */
  failedInRowAtMs: number[];
  breaker: Breaker;
  /** Of its slots, how much is dispatched to. */
  weightBps: number;
  weightStepsAtMs: number | null;
  /** In steps of the throttle, and in slots. Oldest first. */
  recent: Stretch[];
  rolling: Stretch[];
  /** Requests that it put on their buyers, and those that it answered or failed, halved when they grow old. */
  refusals: { refused: number; answered: number };
  suspendedUntilMs: number | null;
  suspensionLevel: number;
  suspensionEndedAtMs: number | null;
}

/** Pay kept back, until when. */
export interface Holdback {
  amountMicros: bigint;
  releaseAtMs: number;
}

export interface SupplierStanding {
  account: number;
  instruments: Map<string, Standing>;
  /** Oldest first. What was charged since came off the oldest. */
  holdbacks: Holdback[];
  /** How often each kind of breach of integrity was recorded. */
  integrity: Map<string, number>;
}

/** A supplier's row of a snapshot, whose Maps were written as rows. */
export function restoreSupplier(row: SupplierRow): SupplierStanding {
  const instruments = new Map<string, Standing>();
  for (const [symbol, { card, idle, failedSlots, ...standing }] of row.instruments) {
    instruments.set(symbol, {
      ...standing,
      idle: { sinceMs: idle.sinceMs, msBySlot: new Map(idle.msBySlot) },
      failedSlots: new Set(failedSlots),
      card: card === null ? null : { ...card, buyers: new Map(card.buyers) },
    });
  }
  return { ...row, instruments, integrity: new Map(row.integrity) };
}

type CardRow = Omit<Scorecard, "buyers"> & {
  buyers: [number, { failedMicros: bigint; slowMicros: bigint }][];
};
type StandingRow = Omit<Standing, "card" | "idle" | "failedSlots"> & {
  card: CardRow | null;
  idle: { sinceMs: number | null; msBySlot: [number, number][] };
  failedSlots: number[];
};
type SupplierRow = Omit<SupplierStanding, "instruments" | "integrity"> & {
  instruments: [string, StandingRow][];
  integrity: [string, number][];
};

/** How a supplier stands with an instrument, or null when it never sold it. */
export function standingOf(state: CoreState, account: number, symbol: string): Standing | null {
  return state.suppliers.get(account)?.instruments.get(symbol) ?? null;
}

/** Until when a supplier may neither issue nor offer, or null when it may. */
export function suspendedUntilMs(state: CoreState, account: number, symbol: string): number | null {
  return standingOf(state, account, symbol)?.suspendedUntilMs ?? null;
}

/** How much of a supplier's slots to dispatch to, in basis points. */
export function weightBps(state: CoreState, account: number, symbol: string): number {
  return standingOf(state, account, symbol)?.weightBps ?? WEIGHT_BPS_WHOLE;
}

/** A supplier's instruments by name: a restored state has its rows in another order than a lived one. */
export function standingsOf(supplier: SupplierStanding): Standing[] {
  return [...supplier.instruments.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
}

/** Sum of the stretches that began after `afterSlot`. */
export function totalOf(
  stretches: readonly Stretch[],
  afterSlot: number,
): { scored: number; failed: number } {
  const total = { scored: 0, failed: 0 };
  for (const { slot, scored, failed } of stretches) {
    if (slot <= afterSlot) continue;
    total.scored += scored;
    total.failed += failed;
  }
  return total;
}

/** When something of a supplier's standing falls due and changes it, unordered. */
export function* dueTimes(supplier: SupplierStanding): Generator<number> {
  for (const standing of supplier.instruments.values()) {
    if (standing.card !== null) yield standing.card.endsAtMs;
    if (standing.breaker.phase === "open") yield standing.breaker.halfOpensAtMs;
    if (standing.weightStepsAtMs !== null) yield standing.weightStepsAtMs;
    if (standing.suspendedUntilMs !== null) yield standing.suspendedUntilMs;
  }
  // Each of them: what a restored state has due is made from this alone.
  for (const { releaseAtMs } of supplier.holdbacks) yield releaseAtMs;
}
