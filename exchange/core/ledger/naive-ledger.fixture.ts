/**
 * The ledger as a child would keep it: one Map of balances, one of holds. Every posting is tried on
 * copies and kept only if nothing restricted would stand below zero. The specification in tests.
 */
import type { Posting } from "./ledger.ts";

interface Hold {
  account: string;
  amount: bigint;
}

export interface NaiveLedger {
  balances: ReadonlyMap<string, bigint>;
  holds: ReadonlyMap<string, Hold>;
}

export const EMPTY: NaiveLedger = { balances: new Map(), holds: new Map() };

/** Why a posting does not fit. */
export type Misfit = "amount" | "assets" | "uncovered" | "other-account" | "hold-too-small";

export const assetOf = (account: string): string =>
  account.includes("/") ? ((account.split("/")[1] as string).split(":")[0] as string) : "USD";

export const mayGoBelowZero = (account: string): boolean =>
  account === "world" || account.endsWith(":issuer");

export const balanceOf = (ledger: NaiveLedger, account: string): bigint =>
  ledger.balances.get(account) ?? 0n;

export function heldOf(ledger: NaiveLedger, account: string): bigint {
  let held = 0n;
  for (const hold of ledger.holds.values()) if (hold.account === account) held += hold.amount;
  return held;
}

export const holdOf = (ledger: NaiveLedger, hold: string): bigint =>
  ledger.holds.get(hold)?.amount ?? 0n;

const uncovered = (ledger: NaiveLedger, account: string) =>
  !mayGoBelowZero(account) && balanceOf(ledger, account) < heldOf(ledger, account);

function moved(ledger: NaiveLedger, from: string, to: string, amount: bigint): NaiveLedger {
  const balances = new Map(ledger.balances);
  balances.set(from, (balances.get(from) ?? 0n) - amount);
  balances.set(to, (balances.get(to) ?? 0n) + amount);
  return { balances, holds: ledger.holds };
}

function withHold(ledger: NaiveLedger, name: string, account: string, amount: bigint): NaiveLedger {
  const holds = new Map(ledger.holds);
  if (amount === 0n) holds.delete(name);
  else holds.set(name, { account, amount });
  return { balances: ledger.balances, holds };
}

/** The ledger after one posting, or why it does not fit. */
export function post(ledger: NaiveLedger, posting: Posting): NaiveLedger | Misfit {
  const { kind, amount } = posting;
  if (amount <= 0n) return "amount";
  if (kind === "move") {
    if (assetOf(posting.from) !== assetOf(posting.to)) return "assets";
    const after = moved(ledger, posting.from, posting.to, amount);
    return uncovered(after, posting.from) ? "uncovered" : after;
  }
  const hold = ledger.holds.get(posting.hold);
  if (kind === "hold") {
    if (hold !== undefined && hold.account !== posting.from) return "other-account";
    const after = withHold(ledger, posting.hold, posting.from, amount + (hold?.amount ?? 0n));
    return uncovered(after, posting.from) ? "uncovered" : after;
  }
  if (hold === undefined || hold.amount < amount) return "hold-too-small";
  const freed = withHold(ledger, posting.hold, hold.account, hold.amount - amount);
  if (kind === "void") return freed;
  if (assetOf(hold.account) !== assetOf(posting.to)) return "assets";
  const after = moved(freed, hold.account, posting.to, amount);
  return uncovered(after, hold.account) ? "uncovered" : after;
}

/** The ledger without an account, or null when something is left on it. */
export function forgotten(ledger: NaiveLedger, account: string): NaiveLedger | null {
  if (balanceOf(ledger, account) !== 0n || heldOf(ledger, account) !== 0n) return null;
  const balances = new Map(ledger.balances);
  balances.delete(account);
  return { balances, holds: ledger.holds };
}
