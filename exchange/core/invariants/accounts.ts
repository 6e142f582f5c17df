/** What accounts, keys and client ids are found by, against the rows themselves. */
import { withdrawalHold } from "#exchange/core/ledger/account-names.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { isDue } from "./clearing.ts";
import { count } from "./sums.ts";

/** Each account's open orders and Lots are open and its own; that none is missing, their rows say. */
export function* indexBreaches(state: CoreState): Generator<string | null> {
  for (const account of state.accounts.values()) {
    const where = `account ${account.number}`;
    for (const order of account.openOrders) {
      const isOwn = state.orders.get(order)?.account === account.number;
      yield isOwn ? null : `${where} has order ${order} among its own, which it has not open`;
    }
    for (const lot of account.lots) {
      const isOwn = state.lots.get(lot)?.owner === account.number;
      yield isOwn ? null : `${where} has Lot ${lot} among its own, which it does not own`;
    }
    yield null;
  }
}

/** Client ids per account, counted again. May be paused: ids come last and the oldest go first. */
export function* clientIdBreaches(state: CoreState): Generator<string | null> {
  const seen: number[] = [];
  for (const key of state.clientIds.keys()) {
    seen.push(Number.parseInt(key, 10));
    yield null;
  }
  const counts = new Map<number, number>();
  for (let at = seen.length - state.clientIds.size; at < seen.length; at += 1) {
    count(counts, seen[at] as number);
  }
  for (const [account, counted] of state.clientIdCounts) {
    const found = counts.get(account) ?? 0;
    if (found !== counted) yield `account ${account} counts ${counted} client ids, has ${found}`;
    counts.delete(account);
  }
  for (const [account, found] of counts) {
    yield `account ${account} counts no client ids, has ${found}`;
  }
}

/** What is to be paid out is set aside, and is given back in time when it is not. */
export function* withdrawalBreaches(state: CoreState): Generator<string> {
  for (const { number, account, amountMicros, from, expiresAtMs } of state.withdrawals.values()) {
    const held = state.ledger.holdAmount(withdrawalHold(number, account, from));
    if (held !== amountMicros) {
      yield `withdrawal ${number} has ${held} set aside, expected ${amountMicros}`;
    }
    if (expiresAtMs > state.nowMs || isDue(state, "withdrawal-expiry", number)) continue;
    yield `withdrawal ${number} ran out at ${expiresAtMs}, and nothing will end it`;
  }
}
