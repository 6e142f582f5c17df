/** The ledger's rows: nothing is below what is held of it, and each hold belongs to something open. */
import {
  type AccountNames,
  askLotHold,
  CHARGE_SOURCES,
  chargeHold,
  deliveryHold,
  GUARANTY,
  lotMargin,
  lotTokens,
  withdrawalHold,
} from "#exchange/core/ledger/account-names.ts";
import {
  assetOf,
  isContraAccount,
  type LedgerAccount,
  type LedgerHold,
} from "#exchange/core/ledger/ledger.ts";
import type { CoreState } from "#exchange/core/state.ts";

const LOT = "lot";
const DELIVERY = "delivery";
const CHARGE = "charge";
const WITHDRAWAL = "withdrawal";

/** The Lot that an account is of, whether it is open or not; null for an account of none. */
export function lotNumberOf(account: string): number | null {
  return account.startsWith(LOT) ? Number.parseInt(account.slice(LOT.length), 10) : null;
}

/** An account by itself: its name, its cover, and what it is there for. */
export function* accountBreaches(state: CoreState, account: LedgerAccount): Generator<string> {
  const { name, asset, credits, debits, held } = account;
  const balance = credits - debits;
  if (asset !== assetOf(name)) yield `${name} is an account of ${asset}, by its name it is not`;
  if (held < 0n) yield `${name} has ${held} held, expected nothing below 0`;
  if (balance < held && !isContraAccount(name)) {
    yield `${name} stands at ${balance} with ${held} held, expected at least what is held`;
  }
  const lot = lotNumberOf(name);
  if (lot !== null && !state.lots.has(lot)) yield `${name} is there, but its Lot is not open`;
}

/** A hold by itself: there is something of it, it is of an open row, and it lies where that row's do. */
export function* holdBreaches(
  state: CoreState,
  name: string,
  { account, amount }: LedgerHold,
): Generator<string> {
  if (amount <= 0n) yield `hold ${name} has ${amount}, expected more than 0`;
  const home = homeOf(state, name);
  if (home === null) yield `hold ${name} of ${amount} on ${account.name} belongs to nothing`;
  else if (home !== account.name) yield `hold ${name} is on ${account.name}, expected ${home}`;
}

/** The account on which a hold of that name has to be; null when nothing open has such a hold. */
function homeOf(state: CoreState, hold: string): string | null {
  const { names } = state.ledger;
  if (hold.startsWith(DELIVERY)) return homeOfReservation(state, hold);
  if (hold.startsWith(CHARGE)) return homeOfCharge(state, hold);
  if (hold.startsWith(WITHDRAWAL)) return homeOfWithdrawal(state, hold);
  const number = Number.parseInt(hold.slice(LOT.length), 10);
  if (hold.startsWith(LOT)) {
    const lot = state.lots.get(number);
    return lot !== undefined && hold === lotMargin(number) ? names.bond(lot.supplier) : null;
  }
  return homeOfOrder(state, names, hold, number);
}

function homeOfWithdrawal({ withdrawals, ledger }: CoreState, hold: string): string | null {
  const open = withdrawals.get(Number.parseInt(hold.slice(WITHDRAWAL.length), 10));
  if (open === undefined) return null;
  const { number, account, from } = open;
  if (hold !== withdrawalHold(number, account, from)) return null;
  return from === "bond" ? ledger.names.bond(account) : ledger.names.available(account);
}

function homeOfOrder(
  state: CoreState,
  names: AccountNames,
  hold: string,
  number: number,
): string | null {
  const order = state.orders.get(number);
  if (order === undefined) return null;
  const { side, account, symbol } = order;
  if (hold === `bid${number}`) return side === "buy" ? names.available(account) : null;
  if (side !== "sell") return null;
  for (const { lot } of order.lots)
    if (hold === askLotHold(number, lot)) return lotTokens(lot, symbol);
  if (hold === `ask${number}`) return names.supply(account, symbol).issued;
  return hold === `ask${number}:margin` ? names.bond(account) : null;
}

function homeOfReservation(state: CoreState, hold: string): string | null {
  const delivery = state.deliveries.get(Number.parseInt(hold.slice(DELIVERY.length), 10));
  for (const part of [...(delivery?.parts ?? []), ...(delivery?.owed?.parts ?? [])]) {
    if (hold !== deliveryHold(delivery?.number ?? 0, part.lot)) continue;
    const symbol = state.lots.get(part.lot)?.symbol;
    return symbol === undefined ? null : lotTokens(part.lot, symbol);
  }
  return null;
}

/** Set aside for a failure of an open delivery, on the money that it will be taken from. */
function homeOfCharge(state: CoreState, hold: string): string | null {
  const { names } = state.ledger;
  const number = Number.parseInt(hold.slice(CHARGE.length), 10);
  for (const { supplier } of state.deliveries.get(number)?.failures ?? []) {
    for (const source of CHARGE_SOURCES) {
      if (hold !== chargeHold(number, supplier, source)) continue;
      if (source === "pending") return names.pendingPay(supplier);
      return source === "guaranty" ? GUARANTY : names[source](supplier);
    }
  }
  return null;
}
