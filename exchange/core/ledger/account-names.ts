/**
 * The names of ledger accounts and holds. UNIT accounts carry their instrument after a `/`.
 *
 * A name that is made anew has to be put together and hashed before the ledger finds anything by it,
 * which costs more than the rest of a posting. `AccountNames` makes those of accounts once; orders and
 * Lots keep their own.
 */

export const WORLD = "world";
export const FEES = "exch:fees";
/** Working money for cover: what replaces a failed supplier is paid from it, then by that supplier. */
export const COVER = "exch:cover";
/** Pays what a defaulting supplier cannot. */
export const GUARANTY = "exch:guaranty";
/** What suppliers owe and could not pay yet: the other side of their `owed`. */
export const RECEIVABLES = "exch:receivables";

/** The exchange itself as a buyer: of cover, and of nothing else. */
export const EXCHANGE_ACCOUNT = 0;

export const available = (account: number): string =>
  account === EXCHANGE_ACCOUNT ? COVER : `${account}:avail`;
export const bond = (account: number): string => `${account}:bond`;
export const pendingPay = (account: number): string => `${account}:pending`;
/** Earned, kept back for a while. */
export const holdback = (account: number): string => `${account}:holdback`;
/** Contra account: its negative is what the supplier must still pay. */
export const owed = (account: number): string => `${account}:owed`;
/** Contra account: its negative is what the supplier owes in tokens. */
export const issuer = (account: number, symbol: string): string => `${account}/${symbol}:issuer`;
/** Units issued and not sold. */
export const issued = (account: number, symbol: string): string => `${account}/${symbol}:issued`;
export const lotEscrow = (lot: number): string => `lot${lot}:escrow`;
export const lotTokens = (lot: number, symbol: string): string => `lot${lot}/${symbol}:tokens`;

/** Where a charge comes from, in this order. */
export const CHARGE_SOURCES = ["pending", "holdback", "bond", "guaranty"] as const;
export type ChargeSource = (typeof CHARGE_SOURCES)[number];

/** Holds: money behind a bid, Units behind an ask, bond behind an ask or a Lot, tokens behind a delivery. */
export const bidHold = (order: number): string => `bid${order}`;
export const askHold = (order: number): string => `ask${order}`;
/** Tokens of a Lot behind an ask that sells bought Units. */
export const askLotHold = (order: number, lot: number): string => `ask${order}:lot${lot}`;
export const askMargin = (order: number): string => `ask${order}:margin`;
export const lotMargin = (lot: number): string => `lot${lot}:margin`;
/** Money of a supplier, or of the fund, set aside for what its failure may cost until the delivery ends. */
export const chargeHold = (delivery: number, supplier: number, source: ChargeSource): string =>
  `charge${delivery}:${supplier}:${source}`;
export const deliveryHold = (delivery: number, lot: number): string =>
  `delivery${delivery}:lot${lot}`;

/** Money that leaves, until it has: the name says on which account it lies. */
export const withdrawalHold = (
  withdrawal: number,
  account: number,
  from: "available" | "bond",
): string => `withdrawal${withdrawal}:${from === "bond" ? bond(account) : available(account)}`;

export function holdNameOf(side: "buy" | "sell", order: number): string {
  return side === "buy" ? bidHold(order) : askHold(order);
}

/** A bid has no margin: "". */
export function marginNameOf(side: "buy" | "sell", order: number): string {
  return side === "buy" ? "" : askMargin(order);
}

/** Where the ledger keeps a Lot. */
export interface LotNames {
  escrow: string;
  tokens: string;
  margin: string;
}

/** A supplier's accounts for one instrument. */
export interface SupplyNames {
  /** Of its issuance figures in the state. */
  key: string;
  issuer: string;
  issued: string;
}

interface Row {
  available: string;
  bond: string;
  pendingPay: string;
  holdback: string;
  owed: string;
  supplies: Map<string, SupplyNames>;
}

/** The names of accounts, each made on first use and kept: there are as many as accounts. */
export class AccountNames {
  readonly #rows = new Map<number, Row>();

  available(account: number): string {
    return this.#row(account).available;
  }

  bond(account: number): string {
    return this.#row(account).bond;
  }

  pendingPay(account: number): string {
    return this.#row(account).pendingPay;
  }

  owed(account: number): string {
    return this.#row(account).owed;
  }

  holdback(account: number): string {
    return this.#row(account).holdback;
  }

  supply(account: number, symbol: string): SupplyNames {
    const { supplies } = this.#row(account);
    let names = supplies.get(symbol);
    if (names === undefined) {
      names = {
        key: `${account}/${symbol}`,
        issuer: issuer(account, symbol),
        issued: issued(account, symbol),
      };
      supplies.set(symbol, names);
    }
    return names;
  }

  #row(account: number): Row {
    let row = this.#rows.get(account);
    if (row === undefined) {
      row = {
        available: available(account),
        bond: bond(account),
        pendingPay: pendingPay(account),
        holdback: holdback(account),
        owed: owed(account),
        supplies: new Map(),
      };
      this.#rows.set(account, row);
    }
    return row;
  }
}
