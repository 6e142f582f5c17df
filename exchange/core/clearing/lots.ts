/** Reading Lots: what is free, who still owes, and how to split a reservation over them. */
import {
  type LotNames,
  lotEscrow,
  lotMargin,
  lotTokens,
} from "#exchange/core/ledger/account-names.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { canServe } from "#exchange/core/supply/capacity.ts";
import { accountOf } from "#exchange/core/turn.ts";

export interface Part {
  lot: number;
  tokens: number;
  priceTicks: number;
}

export function lotOf(state: CoreState, number: number): Lot {
  const lot = state.lots.get(number);
  if (lot === undefined) throw new Error(`lot ${number} is not open`);
  return lot;
}

/** Where the ledger keeps a Lot. */
export function namesOfLot(lot: Lot): LotNames {
  lot.names ??= {
    escrow: lotEscrow(lot.number),
    tokens: lotTokens(lot.number, lot.symbol),
    margin: lotMargin(lot.number),
  };
  return lot.names;
}

/** Tokens of a Lot that no reservation holds. */
export function freeTokens(state: CoreState, lot: Lot): number {
  return Number(state.ledger.free(namesOfLot(lot).tokens));
}

/** The Lots an account can draw on now, soonest expiry first (then oldest). */
export function usableLots(
  state: CoreState,
  account: number,
  symbol: string,
  nowMs: number,
  excluded: readonly number[],
): Lot[] {
  const lots: Lot[] = [];
  for (const number of accountOf(state, account).lots) {
    const lot = state.lots.get(number);
    if (lot === undefined || lot.symbol !== symbol) continue;
    // An expiry that is due but has not run counts as done.
    if (lot.expiresAtMs === null || lot.expiresAtMs <= nowMs) continue;
    if (excluded.includes(lot.supplier) || !canServe(state, lot.supplier, symbol)) continue;
    lots.push(lot);
  }
  return lots.sort((a, b) => (a.expiresAtMs ?? 0) - (b.expiresAtMs ?? 0) || a.number - b.number);
}

/** The supplier with the soonest expiring Lot among those whose free tokens hold the reservation. */
export function supplierThatHolds(
  state: CoreState,
  lots: readonly Lot[],
  tokens: number,
): number | null {
  const free = new Map<number, number>();
  for (const lot of lots) {
    free.set(lot.supplier, (free.get(lot.supplier) ?? 0) + freeTokens(state, lot));
  }
  // A Map keeps first insertion order, and the Lots come soonest expiry first.
  for (const [supplier, held] of free) if (held >= tokens) return supplier;
  return null;
}

/** Splits a reservation over one supplier's Lots in the given order. */
export function splitOver(
  state: CoreState,
  lots: readonly Lot[],
  supplier: number,
  tokens: number,
): Part[] {
  const parts: Part[] = [];
  let left = tokens;
  for (const lot of lots) {
    if (left === 0) break;
    if (lot.supplier !== supplier) continue;
    const taken = Math.min(left, freeTokens(state, lot));
    if (taken === 0) continue;
    parts.push({ lot: lot.number, tokens: taken, priceTicks: lot.priceTicks });
    left -= taken;
  }
  if (left > 0)
    throw new Error(`supplier ${supplier} lacks ${left} tokens that were counted before`);
  return parts;
}
