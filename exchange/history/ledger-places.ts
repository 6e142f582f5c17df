/**
 * Reads the ledger's names back: whose an account is, and what of theirs it keeps. A statement is
 * made of postings, and a posting names ledger accounts and holds.
 */

/** What an account of the ledger keeps for its holder. */
export type Place =
  | "available"
  | "bond"
  /** Earned in a window that has not closed. */
  | "pending"
  /** Earned, kept back for a while. */
  | "holdback"
  /** Negative: what a supplier must still pay. */
  | "owed"
  /** Money in Lots that are not used up. */
  | "escrow"
  /** Units issued and not sold. */
  | "issued"
  /** Negative: Units that a supplier owes. */
  | "issuer"
  /** Units in Lots. */
  | "tokens"
  /** Of the exchange alone. */
  | "fees"
  | "guaranty"
  | "receivables"
  | "promo"
  | "world";

export interface LedgerPlace {
  /** 0 is the exchange. */
  account: number;
  /** USD, or an instrument's symbol. */
  asset: string;
  place: Place;
}

/** What a name says by number alone. */
export interface NumberedThings {
  lot(number: number): { owner: number; supplier: number; symbol: string };
  order(number: number): { account: number; symbol: string };
}

const EXCHANGE = 0;
const USD = "USD";
const MONEY_PLACES: Record<string, Place> = {
  avail: "available",
  bond: "bond",
  pending: "pending",
  holdback: "holdback",
  owed: "owed",
};
const EXCHANGE_PLACES: Record<string, Place> = {
  "exch:fees": "fees",
  "exch:cover": "available",
  "exch:guaranty": "guaranty",
  "exch:receivables": "receivables",
  "exch:promo": "promo",
  world: "world",
};
const OF_ACCOUNT = /^(\d+)(?:\/([^:]+))?:([a-z]+)$/;
const OF_LOT = /^lot(\d+)(?:\/([^:]+))?:(escrow|tokens)$/;
const ORDER_HOLD = /^(bid|ask)(\d+)(:margin)?$/;
const CHARGE_HOLD = /^charge\d+:(\d+):(pending|holdback|bond|guaranty)$/;
const LOT_MARGIN = /^lot(\d+):margin$/;
/** Money that leaves: the name holds its account's. */
const WITHDRAWAL_HOLD = /^withdrawal\d+:(.+)$/;
/** Tokens of a Lot behind a delivery, or behind an ask that sells it on. */
const LOT_TOKENS_HOLD = /^(?:delivery|ask)\d+:lot(\d+)$/;

/** Where an account of the ledger is. Throws on a name that none of ours has. */
export function placeOfAccount(name: string, things: NumberedThings): LedgerPlace {
  const own = EXCHANGE_PLACES[name];
  if (own !== undefined) return { account: EXCHANGE, asset: USD, place: own };
  const ofAccount = OF_ACCOUNT.exec(name);
  if (ofAccount !== null) {
    const [, number, symbol, kept = ""] = ofAccount;
    const place = symbol === undefined ? MONEY_PLACES[kept] : unitPlace(kept);
    if (place !== undefined) return { account: Number(number), asset: symbol ?? USD, place };
  }
  const ofLot = OF_LOT.exec(name);
  if (ofLot === null) throw new Error(`no account of the ledger is named ${name}`);
  const [, lot, symbol, kept] = ofLot;
  return { account: things.lot(Number(lot)).owner, asset: symbol ?? USD, place: kept as Place };
}

/** The account that a hold is on, in the same form. Throws on a name that none of ours has. */
export function placeOfHold(name: string, things: NumberedThings): LedgerPlace {
  const ofOrder = ORDER_HOLD.exec(name);
  if (ofOrder !== null) {
    const [, kind, number, margin] = ofOrder;
    const { account, symbol } = things.order(Number(number));
    if (margin !== undefined) return { account, asset: USD, place: "bond" };
    if (kind === "ask") return { account, asset: symbol, place: "issued" };
    return { account, asset: USD, place: "available" };
  }
  const ofCharge = CHARGE_HOLD.exec(name);
  if (ofCharge !== null) {
    const [, supplier, source] = ofCharge;
    const account = source === "guaranty" ? EXCHANGE : Number(supplier);
    return { account, asset: USD, place: source as Place };
  }
  const ofLot = LOT_MARGIN.exec(name);
  if (ofLot !== null) {
    return { account: things.lot(Number(ofLot[1])).supplier, asset: USD, place: "bond" };
  }
  const ofWithdrawal = WITHDRAWAL_HOLD.exec(name);
  if (ofWithdrawal !== null) return placeOfAccount(ofWithdrawal[1] ?? "", things);
  const ofTokens = LOT_TOKENS_HOLD.exec(name);
  if (ofTokens === null) throw new Error(`no hold of the ledger is named ${name}`);
  const { owner, symbol } = things.lot(Number(ofTokens[1]));
  return { account: owner, asset: symbol, place: "tokens" };
}

function unitPlace(kept: string): Place | undefined {
  return kept === "issued" || kept === "issuer" ? kept : undefined;
}
