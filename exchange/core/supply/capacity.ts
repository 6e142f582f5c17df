/** Reading a supplier's capacity: what its linked nodes can serve and what it may still owe. */

import { areTrialsTaken } from "#exchange/core/sla/trials.ts";
import type { CoreState, Supply } from "#exchange/core/state.ts";
import { policyOf } from "#exchange/core/turn.ts";
import { BASIS_POINTS } from "#protocol/money.ts";

/** Issuance figures of a supplier and instrument; zeros when it never issued. */
export function supplyOf(state: CoreState, account: number, symbol: string): Readonly<Supply> {
  return (
    state.supplies.get(state.ledger.names.supply(account, symbol).key) ?? {
      account,
      symbol,
      inIssuanceTokens: 0,
      totalIssuedTokens: 0,
      owedTokens: 0,
      deliveredTokens: 0,
    }
  );
}

/** Tokens per window that the supplier's linked nodes were measured to sustain. */
export function capacityTokens(state: CoreState, account: number, symbol: string): number {
  return state.serving.capacityTokens(account, symbol);
}

/** True while at least one linked node of the supplier serves the instrument and its breaker is not open. */
export function canServe(state: CoreState, account: number, symbol: string): boolean {
  return state.serving.canServe(account, symbol);
}

/** True while a delivery may be sent to the supplier: it can serve, and is not on trial with enough of them. */
export function canDispatch(state: CoreState, account: number, symbol: string): boolean {
  return canServe(state, account, symbol) && !areTrialsTaken(state, account, symbol);
}

/** True while its nodes are there, and its breaker alone keeps deliveries from it. */
export function isPaused(state: CoreState, account: number, symbol: string): boolean {
  return state.serving.isOffered(account, symbol) && !canDispatch(state, account, symbol);
}

/** True while any node of the supplier is linked. */
export function isLinked(state: CoreState, account: number): boolean {
  return state.serving.isLinked(account);
}

/** Tokens that issued unsold Units and open Lots may reach together: theta x capacity. */
export function issuanceLimitTokens(state: CoreState, account: number, symbol: string): bigint {
  const capacity = BigInt(Math.floor(capacityTokens(state, account, symbol)));
  return (capacity * BigInt(policyOf(state).issuanceThetaBps)) / BASIS_POINTS;
}

/** Tokens issued and not sold plus tokens still owed by open Lots. */
export function outstandingTokens(state: CoreState, account: number, symbol: string): bigint {
  const unsold = state.ledger.balance(state.ledger.names.supply(account, symbol).issued);
  return unsold + BigInt(supplyOf(state, account, symbol).owedTokens);
}

/** Issued tokens that the trading account can still offer: not in issuance, not behind an ask. */
export function sellableTokens(state: CoreState, account: number, symbol: string): bigint {
  const free = state.ledger.free(state.ledger.names.supply(account, symbol).issued);
  return free - BigInt(supplyOf(state, account, symbol).inIssuanceTokens);
}
