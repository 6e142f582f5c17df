/** The ledger's own invariants: nothing is made or lost, nothing is promised twice. */
import { assetOf, isContraAccount } from "#exchange/core/ledger/ledger.ts";
import type { CoreState } from "#exchange/core/state.ts";

/** Every asset sums to zero, and only contra accounts stand below it, holds counted. */
export function* ledgerTotalsBreaches({ ledger }: CoreState): Generator<string> {
  const sums = new Map<string, bigint>();
  for (const { name, asset, credits, debits, held } of ledger.accounts()) {
    const balance = credits - debits;
    sums.set(asset, (sums.get(asset) ?? 0n) + balance);
    if (asset !== assetOf(name)) yield `${name} is an account of ${asset}, by its name it is not`;
    if (held < 0n) yield `${name} has ${held} held, expected nothing below 0`;
    if (balance - held < 0n && !isContraAccount(name)) {
      yield `${name} stands at ${balance} with ${held} held, expected at least what is held`;
    }
  }
  for (const [asset, sum] of sums) {
    if (sum !== 0n) yield `all accounts of ${asset} together stand at ${sum}, expected 0`;
  }
}

/** What each account has held is the sum of its holds, and each hold belongs to something open. */
export function* holdBreaches(state: CoreState): Generator<string> {
  const held = new Map<string, bigint>();
  for (const { name, account, amount } of state.ledger.holds()) {
    held.set(account, (held.get(account) ?? 0n) + amount);
    if (amount <= 0n) yield `hold ${name} has ${amount}, expected more than 0`;
    if (!isOwned(state, name)) yield `hold ${name} of ${amount} on ${account} belongs to nothing`;
  }
  for (const account of state.ledger.accounts()) {
    const sum = held.get(account.name) ?? 0n;
    if (sum !== account.held) {
      yield `${account.name} has ${account.held} held, its holds add up to ${sum}`;
    }
    const lot = /^lot(\d+)[:/]/.exec(account.name);
    if (lot !== null && !state.lots.has(Number(lot[1]))) {
      yield `${account.name} is there, but its Lot is not open`;
    }
  }
}

/** Whether the order, Lot or delivery that a hold is named for is open. */
function isOwned(state: CoreState, hold: string): boolean {
  const charge = /^charge(\d+):(\d+):[a-z]+$/.exec(hold);
  if (charge !== null) {
    const failures = state.deliveries.get(Number(charge[1]))?.failures ?? [];
    return failures.some(({ supplier }) => supplier === Number(charge[2]));
  }
  const [, kind, number, lot] = /^([a-z]+)(\d+)(?::(?:lot(\d+)|margin))?$/.exec(hold) ?? [];
  if (kind === "bid") return state.orders.get(Number(number))?.side === "buy";
  if (kind === "ask") return state.orders.get(Number(number))?.side === "sell";
  if (kind === "lot") return state.lots.has(Number(number));
  if (kind !== "delivery") return false;
  const delivery = state.deliveries.get(Number(number));
  const parts = [...(delivery?.parts ?? []), ...(delivery?.owed?.parts ?? [])];
  return parts.some((part) => part.lot === Number(lot));
}
