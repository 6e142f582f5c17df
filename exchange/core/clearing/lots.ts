/** Reading Lots: what is free, who still owes, and how to split a reservation over them. */
import {
  type LotNames,
  lotEscrow,
  lotMargin,
  lotTokens,
} from "#exchange/core/ledger/account-names.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { canDispatch } from "#exchange/core/supply/capacity.ts";
import { accountOf } from "#exchange/core/turn.ts";
import type { Part } from "./cost.ts";
import { lotClockMs } from "./halts.ts";
import { comesBefore } from "./holdings.ts";

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

/**
 * The supplier with the soonest expiring Lot among those whose free tokens hold the reservation. An
 * expiry that is due but has not run counts as done. `who` asks for those that can be sent to now, or
 * for those that cannot and owe all the same.
 */
export function supplierThatHolds(
  state: CoreState,
  wish: { account: number; symbol: string; tokens: number; excluded: readonly number[] },
  nowMs: number,
  who: "serving" | "away" = "serving",
): number | null {
  const { account, symbol, tokens, excluded } = wish;
  const isServing = who === "serving";
  const clockMs = lotClockMs(state, symbol, nowMs);
  let chosen: Lot | null = null;
  for (const holding of state.holdings.of(accountOf(state, account), symbol).values()) {
    // Leftovers of many suppliers are what there is most of: they are passed over by this alone.
    if (holding.freeTokens < tokens || holding.freeTokensAt(clockMs) < tokens) continue;
    if (excluded.includes(holding.supplier)) continue;
    if (canDispatch(state, holding.supplier, symbol) !== isServing) continue;
    const first = holding.firstAt(clockMs);
    if (first !== null && (chosen === null || comesBefore(first, chosen))) chosen = first;
  }
  return chosen?.supplier ?? null;
}

/** Splits a reservation over one supplier's Lots, soonest expiry first (then oldest). */
export function splitOver(
  state: CoreState,
  wish: { account: number; symbol: string; tokens: number },
  supplier: number,
  nowMs: number,
): Part[] {
  const parts: Part[] = [];
  let left = wish.tokens;
  const owner = accountOf(state, wish.account);
  const holding = state.holdings.of(owner, wish.symbol).get(supplier);
  for (const lot of holding?.withFreeTokens(lotClockMs(state, wish.symbol, nowMs)) ?? []) {
    const taken = Math.min(left, lot.freeTokens);
    parts.push({ lot: lot.number, tokens: taken, priceTicks: lot.priceTicks });
    left -= taken;
    if (left === 0) return parts;
  }
  throw new Error(`supplier ${supplier} lacks ${left} tokens that were counted before`);
}
