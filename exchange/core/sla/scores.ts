/** How a supplier stands, to be shown: to the operator, and to the supplier itself. */
import { holdback, owed, pendingPay } from "#exchange/core/ledger/account-names.ts";
import { recentSpan } from "#exchange/core/sla/scorecard.ts";
import {
  type Breaker,
  type ClosedWindow,
  type Standing,
  standingsOf,
  type Tier,
  totalOf,
  type VerdictCount,
} from "#exchange/core/sla/standing.ts";
import type { Verdict } from "#exchange/core/sla/verdict.ts";
import { wilsonLower, Z_99 } from "#exchange/core/sla/wilson.ts";
import type { CoreState } from "#exchange/core/state.ts";

export interface InstrumentScores {
  symbol: string;
  tier: Tier;
  tierSinceMs: number;
  breaker: Breaker["phase"];
  weightBps: number;
  suspendedUntilMs: number | null;
  suspensionLevel: number;
  strikes: number;
  /** The running window; null when nothing happened in it yet. */
  window:
    | (Record<Verdict, VerdictCount> & {
        endsAtMs: number;
        windowsCarried: number;
        failedMicros: bigint;
      })
    | null;
  lastWindow: ClosedWindow | null;
  /** Of the last window's length. `failureRateMin` is what can be proved of it (Wilson, 99 %). */
  rolling: { scored: number; failed: number; failureRateMin: number };
}

export interface SupplierScores {
  pendingMicros: bigint;
  heldBackMicros: bigint;
  owedMicros: bigint;
  integrity: { kind: string; recorded: number }[];
  instruments: InstrumentScores[];
}

/** All of a supplier's scores; empty ones of an account that never sold anything. */
export function supplierScores(state: CoreState, account: number): SupplierScores {
  const { ledger } = state;
  const supplier = state.suppliers.get(account);
  return {
    pendingMicros: ledger.balance(pendingPay(account)),
    heldBackMicros: ledger.balance(holdback(account)),
    owedMicros: -ledger.balance(owed(account)),
    integrity: [...(supplier?.integrity ?? [])]
      .map(([kind, recorded]) => ({ kind, recorded }))
      .sort((a, b) => (a.kind < b.kind ? -1 : 1)),
    instruments:
      supplier === undefined
        ? []
        : standingsOf(supplier).map((standing) => scoresOf(state, standing)),
  };
}

function scoresOf(state: CoreState, standing: Standing): InstrumentScores {
  const { card } = standing;
  const { scored, failed } = totalOf(standing.rolling, recentSpan(state, state.nowMs).rolling);
  return {
    symbol: standing.symbol,
    tier: standing.tier,
    tierSinceMs: standing.tierSinceMs,
    breaker: standing.breaker.phase,
    weightBps: standing.weightBps,
    suspendedUntilMs: standing.suspendedUntilMs,
    suspensionLevel: standing.suspensionLevel,
    strikes: standing.strikes,
    window:
      card === null
        ? null
        : {
            endsAtMs: card.endsAtMs,
            windowsCarried: card.windowsCarried,
            good: { ...card.good },
            slow: { ...card.slow },
            failed: { ...card.failed },
            excused: { ...card.excused },
            failedMicros: card.failedMicros,
          },
    lastWindow: standing.lastWindow === null ? null : { ...standing.lastWindow },
    rolling: { scored, failed, failureRateMin: wilsonLower(failed, scored, Z_99) },
  };
}
