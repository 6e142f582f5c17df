/** What the naive market keeps: plain rows in plain lists. */
import type { AccountMode, PlaceOrder, TimeInForce } from "#exchange/core/commands.ts";
import type { SelfTradeMode } from "#exchange/core/market/order-terms.ts";
import type { Tally } from "#exchange/core/model/run-tally.fixture.ts";
import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { Instrument } from "#protocol/instrument.ts";

/** Totals, holds included; what is held follows from orders and Lots. */
export interface ModelAccount {
  number: number;
  mode: AccountMode;
  /** What it buys enters Consumption at once. */
  atOnce: boolean;
  /** The exchange buys for it: a top-up of so many tokens when it has fewer than the trigger. */
  autoBuy: boolean;
  topUp: { tokens: number; trigger: number };
  ceilings: Map<string, number>;
  caps: { day: bigint | null; month: bigint | null };
  /** What the exchange bought for it. */
  autoSpent: { atMs: number; micros: bigint }[];
  available: bigint;
  bond: bigint;
  pending: bigint;
  /** What it could not pay. */
  debt: bigint;
}

/** The exchange as a buyer of cover. */
export const EXCHANGE = 0;

export interface ModelOrder {
  number: number;
  account: number;
  symbol: string;
  side: "buy" | "sell";
  ticks: number;
  quantity: number;
  filled: number;
  /** Money behind a bid, bond behind an ask. */
  hold: bigint;
  /** Of its value, in basis points: the fee a bid set aside, the bond of an ask. */
  share: number;
  feeBasis: bigint;
  feePaid: bigint;
  postOnly: boolean;
  rests: boolean;
  fillOrKill: boolean;
  /** Of an ask that sells bought Units: what it still offers of Lots, in the order of handing over. */
  lots: { lot: number; quantity: number }[];
  stage: "open" | "suspended" | "waiting" | "triggered";
  mode: SelfTradeMode;
  expiresMs: number | null;
  stopTicks: number | null;
  tif: TimeInForce;
  /** Of a `stop` order: how far from its stop price it may trade. */
  protection: number | null;
  reduceOnly: boolean;
  /** A plain limit order: neither at market nor with a stop price. */
  isLimit: boolean;
  session: string | null;
  group: string | null;
  /** Place in time among resting orders, or among those that wait for a price; null while it does neither. */
  arrival: number | null;
}

export interface ModelMarket {
  symbol: string;
  number: number;
  phase: "active" | "halted" | "auction" | "closed";
  /** Of an auction. */
  endsMs: number | null;
  /** Of a closed market whose orders are to be cancelled. */
  closesMs: number | null;
  /** Fills before that, of all there were, count for no breaker. */
  pricesFrom: number;
}

export interface ModelGroup {
  account: number;
  symbol: string;
  name: string;
  quantityMax: number;
  windowMs: number;
  tripped: boolean;
  /** All of them since it was set. */
  fills: { atMs: number; quantity: number }[];
}

export interface ModelLot {
  number: number;
  symbol: string;
  owner: number;
  supplier: number;
  ticks: number;
  /** Per Unit, what its holder paid. */
  cost: number;
  tokens: number;
  used: number;
  value: bigint;
  paid: bigint;
  margin: bigint;
  /** Bond per value owed, in basis points. */
  share: number;
  boughtMs: number;
  /** What was reserved on it, and flowed back when negative. */
  draws: { atMs: number; tokens: number }[];
  /** In Trading since then; null in Consumption. */
  tradingMs: number | null;
  /** Null before its first entry into Consumption; until then it never expires. */
  enteredMs: number | null;
  expiresMs: number;
  /** What was charged for the absence that began then, in basis points. */
  abandoned: { sinceMs: number; bps: number };
}

/** Tokens of a Lot within a reservation; `lot` is 0 while it is only planned. */
export type ModelPart = { lot: number; tokens: number; ticks: number };

/** A supplier that failed a delivery, what its reservation came to, and what it may have to pay. */
export interface ModelFailure {
  supplier: number;
  cause: string;
  worth: bigint;
  chargeMax: bigint;
  /** Set aside for that. */
  held: { pending: bigint; bond: bigint };
}

export interface ModelDelivery {
  number: number;
  attempt: number;
  account: number;
  symbol: string;
  supplier: number;
  prompt: number;
  output: number;
  choices: number;
  parts: ModelPart[];
  /** Under cover `parts` are the exchange's Lots; these are the buyer's, which pay. */
  owed: { supplier: number; parts: ModelPart[] } | null;
  failures: ModelFailure[];
  timeoutMs: number;
  key: string;
}

export interface ModelNode {
  number: number;
  account: number;
  session: string | null;
  supplies: { symbol: string; capacityTokens: number }[];
}

export interface ModelSupply {
  account: number;
  symbol: string;
  unsold: number;
  inIssuance: number;
  issuedEver: number;
  deliveredEver: number;
}

export interface ModelAbsence {
  account: number;
  fromMs: number;
  toMs: number | null;
  /** It was announced. */
  drained: boolean;
  /** How much of it was acted upon. */
  doneMs: number;
}

export interface Model {
  nowMs: number;
  policy: MarketPolicy;
  instruments: readonly Instrument[];
  accounts: ModelAccount[];
  exchange: ModelAccount;
  guaranty: bigint;
  /** Open ones. */
  orders: ModelOrder[];
  markets: ModelMarket[];
  /** Of all fills, also the exchange's. */
  lastTicks: Map<string, number>;
  groups: ModelGroup[];
  /** Dead man's switches: account and when it goes off. */
  switches: Map<number, number>;
  /** Stop orders whose price has come, first in first. */
  triggered: ModelOrder[];
  lots: ModelLot[];
  deliveries: ModelDelivery[];
  nodes: ModelNode[];
  supplies: ModelSupply[];
  /** When suppliers had no link; `toMs` is null while it lasts. */
  away: ModelAbsence[];
  /** When suppliers served an instrument with no node; `toMs` is null while it lasts. */
  idle: { account: number; symbol: string; fromMs: number; toMs: number | null }[];
  /** By supplier, instrument and slot: whether the last request sent in it failed. */
  lastFailed: Map<string, boolean>;
  /** Suppliers and instruments that failed, or crashed, and have served nothing since. */
  unwell: Set<string>;
  /** Suppliers that could not pay something, until that was acted upon. */
  defaults: { account: number; atMs: number }[];
  /** Fills of others than the exchange, oldest first. */
  fills: { symbol: string; ticks: number; atMs: number }[];
  graces: { account: number; endsMs: number }[];
  outages: { fromMs: number; toMs: number }[];
  /** When delivery of an instrument was halted; `toMs` is null while it lasts. */
  halts: { symbol: string; fromMs: number; toMs: number | null }[];
  references: Map<string, { content: string; atMs: number }>;
  /** API keys that count, and whose they are. */
  keys: Map<string, number>;
  withdrawals: {
    number: number;
    account: number;
    from: "available" | "bond";
    amount: bigint;
    reference: string;
    endsMs: number;
  }[];
  clientIds: { order: PlaceOrder; number: number; atMs: number }[];
  deposited: bigint;
  fees: bigint;
  counts: {
    order: number;
    lot: number;
    delivery: number;
    issuance: number;
    transfer: number;
    withdrawal: number;
  };
  arrivals: number;
  tally: Tally;
}
