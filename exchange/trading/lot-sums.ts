/** Sums over the Lots that an account holds of an instrument. */
import { lotTokens } from "#exchange/core/ledger/account-names.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";

/** The account's open Lots of an instrument. */
export function lotsOf(state: CoreState, account: number, symbol: string): Lot[] {
  return [...(state.accounts.get(account)?.lots ?? [])].flatMap((number) => {
    const lot = state.lots.get(number);
    return lot !== undefined && lot.symbol === symbol ? [lot] : [];
  });
}

/** Tokens of the wanted Lots, what is held of them, and when the first of them ends. */
export function sumOfLots(
  state: CoreState,
  account: number,
  symbol: string,
  wanted: (lot: Lot) => boolean,
): { total: bigint; held: bigint; expiresAtMs: number | null } {
  const sum = { total: 0n, held: 0n, expiresAtMs: null as number | null };
  for (const lot of lotsOf(state, account, symbol)) {
    if (!wanted(lot)) continue;
    const tokens = lotTokens(lot.number, symbol);
    sum.total += state.ledger.balance(tokens);
    sum.held += state.ledger.held(tokens);
    if (lot.expiresAtMs === null) continue;
    sum.expiresAtMs = Math.min(sum.expiresAtMs ?? lot.expiresAtMs, lot.expiresAtMs);
  }
  return sum;
}
