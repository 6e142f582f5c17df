/**
 * The state of the market: plain data, changed only by `apply`. Readers get it through the shell,
 * which releases what they computed once it is durable. Nobody outside `core/` writes to it.
 */
import type { Instrument } from "#protocol/instrument.ts";
import type {
  ApiKey,
  ClientId,
  DepositReference,
  JoinToken,
  SigningKey,
} from "./accounts/credentials.ts";
import type { AccountSettings, Spending } from "./accounts/settings.ts";
import type { Withdrawal } from "./accounts/withdrawals.ts";
import type { Drawn } from "./clearing/draw-rate.ts";
import type { DeliveryHalts } from "./clearing/halts.ts";
import type { Holdings } from "./clearing/holdings.ts";
import type { OfferedLot } from "./clearing/lot-events.ts";
import type { TradingLots } from "./clearing/trading-lots.ts";
import type { AccountMode, OrderType, Side, TimeInForce } from "./commands.ts";
import type { DueQueue } from "./due-queue.ts";
import type { LotNames } from "./ledger/account-names.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { ClosureReason } from "./market/closure-reasons.ts";
import type { OrderBook } from "./market/order-book-port.ts";
import type { OrderTerms } from "./market/order-terms.ts";
import type { PriceSpan } from "./market/price-history.ts";
import type { QuoteGroup } from "./market/quote-groups.ts";
import type { StopIndex } from "./market/stop-index.ts";
import type { Trading } from "./market/trading-phase.ts";
import type { MarketPolicy } from "./policy.ts";
import type { SupplierStanding } from "./sla/standing.ts";
import type { FailedAttempt } from "./sla/verdict.ts";
import type { Serving } from "./supply/serving.ts";

export interface Account {
  number: number;
  name: string;
  mode: AccountMode;
  settings: AccountSettings;
  /** What the exchange spent for it by itself; null before it did. */
  spending: Spending | null;
  openedAtMs: number;
  /** Orders that are open (resting or suspended), by number. */
  openOrders: Set<number>;
  /** Lots not yet closed, by number. */
  lots: Set<number>;
  openDeliveries: number;
  /** When its Lots in Trading are swept next; null when nothing waits for it. In no snapshot. */
  sweepsAtMs: number | null;
}

export interface InstrumentState {
  number: number;
  instrument: Instrument;
  book: OrderBook;
  lastPriceTicks: number | null;
  lastQuantity: number | null;
  lastTradeAtMs: number | null;
  totalQuantity: number;
  totalTrades: number;
  /** The last fills of others than the exchange, oldest first: what the reference price comes from. */
  recentFills: { priceTicks: number; atMs: number }[];
  /** The same prices by the minute, oldest first. */
  spans: PriceSpan[];
  trading: Trading;
  /** Stop orders by their stop prices. Follows from the orders, so it is in no snapshot. */
  stops: StopIndex;
}

/** `waiting` for its stop price; `triggered` by it, and about to enter the market. */
export type OrderStatus = "open" | "suspended" | "waiting" | "triggered" | "filled" | "cancelled";
export type * from "./accounts/credentials.ts";
export type { ClosureReason } from "./market/closure-reasons.ts";

export interface Order {
  number: number;
  account: number;
  symbol: string;
  side: Side;
  orderType: OrderType;
  timeInForce: TimeInForce;
  /** "auto": bought by Auto Mode for a request; "cover": by the exchange for one. */
  source: "trader" | "agent" | "auto" | "cover";
  quantity: number;
  filled: number;
  /** Of a market or a stop order: its protection price. */
  priceTicks: number;
  /** Sum of fills, before fees. */
  valueMicros: bigint;
  feeMicros: bigint;
  /** Sum of value x basis points over its fills: what the fee is computed from. */
  feeBasisMicros: bigint;
  /** Held beside it, as the policy was when it came: of a bid the highest fee, of an ask the bond. */
  heldBps: number;
  status: OrderStatus;
  closureReason: ClosureReason | null;
  clientOrderId: string | null;
  postOnly: boolean;
  placedAtMs: number;
  closedAtMs: number | null;
  /** Place in the book while it rests, else 0. */
  handle: number;
  /** Of an ask that sells bought Units: the Lots it holds, in the order in which they are handed over. */
  lots: OfferedLot[];
  /** What the ledger holds for it. Follows from the number, so it is in no snapshot. */
  holdName: string;
  /** Of an ask; a bid has none: "". In no snapshot. */
  marginName: string;
}

/** Units of one issuing fill: owned by a buyer, owed by a supplier. Tokens left and escrow stand in the ledger. */
export interface Lot {
  number: number;
  symbol: string;
  owner: number;
  supplier: number;
  trade: number;
  priceTicks: number;
  /** What its holder paid for it, per Unit: of a Lot that was sold on, not what stands in escrow. */
  costTicks: number;
  tokens: number;
  valueMicros: bigint;
  usedTokens: number;
  /** Paid to the supplier so far: floor(value x used / tokens). */
  paidMicros: bigint;
  /** Bond behind what is owed on it, as the policy was when it was bought. */
  marginBps: number;
  /** Bond that was there for it when it was bought, at most: `marginBps` of its value. */
  bondedMicros: bigint;
  boughtAtMs: number;
  /** Since when it is in Trading, where it can be sold; null in Consumption, where requests draw on it. */
  tradingSinceMs: number | null;
  /** First entry into Consumption, which fixes the expiry; a transfer back keeps both. */
  enteredAtMs: number | null;
  expiresAtMs: number | null;
  /** What its supplier paid for the absence that began then, in basis points. */
  abandoned: { sinceMs: number; bps: number } | null;
  /** Drawn lately; null when nothing counts, or no policy asks. */
  drawn: Drawn | null;
  /** Reservations that still stand on it. */
  openDeliveries: number;
  /** Tokens that no reservation holds, as the ledger has them. In no snapshot. */
  freeTokens: number;
  /** Where the ledger keeps it; made on first use by `namesOfLot`. In no snapshot. */
  names: LotNames | null;
}

export interface Delivery {
  number: number;
  requestId: string;
  account: number;
  symbol: string;
  keyId: string;
  attempt: number;
  supplier: number;
  promptTokens: number;
  maxOutputTokens: number;
  choices: number;
  parts: { lot: number; tokens: number; priceTicks: number }[];
  /** Suppliers that failed it. */
  excluded: number[];
  /** The buyer's Lots that pay while Lots of the exchange serve: null without cover. */
  owed: { supplier: number; parts: { lot: number; tokens: number; priceTicks: number }[] } | null;
  /** Attempts that failed so far, judged when the delivery ends. */
  failures: FailedAttempt[];
  openedAtMs: number;
  timeoutAtMs: number;
}

export interface Node {
  number: number;
  account: number;
  name: string;
  publicKey: string;
  enrolledAtMs: number;
  /** The link's session, or null while there is none. */
  session: string | null;
  slots: number;
  supplies: { symbol: string; capacityTokens: number }[];
}

/** One supplier and instrument: what was issued and how it stands. */
export interface Supply {
  account: number;
  symbol: string;
  /** Tokens still in the issuance account; the rest of `issued` is in the trading account. */
  inIssuanceTokens: number;
  totalIssuedTokens: number;
  /** Tokens of Lots that are still owed. */
  owedTokens: number;
  deliveredTokens: number;
}

/** When a supplier could not be dispatched to: what availability at expiry is computed from. */
export interface Attendance {
  awaySinceMs: number | null;
  graceEndsAtMs: number | null;
  /** It said that it would go: away, but it did not abandon anybody. */
  isDrained: boolean;
  /** Announced absences that are over, of the last seven days. */
  drains: { fromMs: number; toMs: number }[];
}

/** Who counts open Lots while they come and go. */
export interface LotWatch {
  /** Called before the Lot is taken away. */
  ended(lot: Lot): void;
  /** Called before a part of the Lot becomes another, which is the newest then. */
  splits(lot: Lot, micros: bigint): void;
}

export interface CoreState {
  /** Number of the last event applied. */
  seq: number;
  /** Time of the last event or command; never goes back. */
  nowMs: number;
  policy: MarketPolicy | null;
  counters: {
    account: number;
    instrument: number;
    order: number;
    trade: number;
    lot: number;
    delivery: number;
    node: number;
    issuance: number;
    transfer: number;
    withdrawal: number;
  };
  ledger: Ledger;
  accounts: Map<number, Account>;
  instruments: Map<string, InstrumentState>;
  /** Open orders only; closed ones live in history. */
  orders: Map<number, Order>;
  /** Of those open orders that ask for more than most. */
  terms: Map<number, OrderTerms>;
  /** `${account}:${symbol}:${name}`. */
  groups: Map<string, QuoteGroup>;
  /** Dead man's switches: account and when all its orders are cancelled. */
  cancelsAfter: Map<number, number>;
  /** Stop orders whose price has come, in the order in which they enter the market. */
  triggered: number[];
  lots: Map<number, Lot>;
  /** Open deliveries only. */
  deliveries: Map<number, Delivery>;
  nodes: Map<number, Node>;
  nodesByKey: Map<string, number>;
  supplies: Map<string, Supply>;
  attendance: Map<number, Attendance>;
  suppliers: Map<number, SupplierStanding>;
  /** While somebody counts open Lots; in no snapshot. */
  lotWatch: LotWatch | null;
  apiKeys: Map<string, ApiKey>;
  signingKeys: Map<string, SigningKey>;
  /** Until they are used up or expire. */
  joinTokens: Map<string, JoinToken>;
  /** `${account}:${client order id}`, oldest first, for 24 h. */
  clientIds: Map<string, ClientId>;
  clientIdCounts: Map<number, number>;
  /** No client id is forgotten before; 0 when it has to be looked up. In no snapshot, like the next two. */
  clientIdsDueMs: number;
  referencesDueMs: number;
  joinTokensDueMs: number;
  /** What the guaranty fund added for a supplier in its window so far. */
  fundUse: Map<number, { windowStartMs: number; micros: number }>;
  /** Deposit references, oldest first, for as long as the policy says: money is not taken twice. */
  references: Map<string, DepositReference>;
  /** Those that are neither completed nor rejected. */
  withdrawals: Map<number, Withdrawal>;
  /** Times in which the exchange itself was away, oldest first; their slots count for nobody. */
  outages: { fromMs: number; toMs: number }[];
  /** What has to happen when. It and the next two are built from the rest of the state. */
  due: DueQueue;
  serving: Serving;
  holdings: Holdings;
  tradingLots: TradingLots;
  /** Instruments whose delivery is or was halted. */
  deliveryHalts: Map<string, DeliveryHalts>;
  /** Open asks that sell bought Units. In no snapshot. */
  resales: Set<number>;
}
