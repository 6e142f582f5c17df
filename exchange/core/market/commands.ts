/** What can be asked of the market about orders; the rest of what can be asked stands in `core/commands.ts`. */
import type { Side } from "#exchange/core/commands.ts";
import type { Rejection } from "#exchange/core/rejections.ts";
import type { SelfTradeMode } from "./order-terms.ts";
import type { TradingPhase } from "./trading-phase.ts";

/** `stop` and `stop_limit` wait for a trade at their stop price, then are as `market` and `limit`. */
export type OrderType = "limit" | "market" | "stop" | "stop_limit";
export type TimeInForce = "gtc" | "ioc" | "fok" | "day" | "gtd";
export interface OrderCommandMap {
  "place-order": { params: PlaceOrder; result: { order: number; clientOrderId: string | null } };
  "amend-order": { params: AmendOrder; result: { order: number; keptPlace: boolean } };
  /** Each is answered by itself; an order that is refused stops none of the others. */
  "place-orders": {
    params: { account: number; orders: PlaceOrder[] };
    result: { results: Placement[] };
  };
  "replace-quotes": { params: ReplaceQuotes; result: QuotesReplaced };
  /** Makes a quote group, or sets it anew after it was tripped. Orders join by `group`. */
  "set-quote-group": {
    params: {
      account: number;
      symbol: string;
      group: string;
      /** Increments that may be filled within the window. */
      quantityMax: number;
      windowMs: number;
    };
    result: { group: string };
  };
  /** Cancels all orders of the account after that long, unless it is repeated; 0 takes it back. */
  "cancel-after": {
    params: { account: number; afterMs: number };
    result: { cancelsAtMs: number | null };
  };
  /** Cancels what was placed with that `session`. */
  "cancel-session-orders": {
    params: { account: number; session: string };
    result: { cancelled: number };
  };
  /** By the operator. Closing cancels all orders of the instrument; halting leaves them. */
  "halt-trading": {
    params: { symbol: string; phase: "halted" | "closed"; reason: string };
    result: { symbol: string; phase: TradingPhase };
  };
  /** Leads through an auction of that length, 0 for one that uncrosses at once. Nothing happens to an active market. */
  "resume-trading": {
    params: { symbol: string; auctionMs: number };
    result: { symbol: string; phase: TradingPhase; endsAtMs: number | null };
  };
  "cancel-order": { params: { account: number; order: number }; result: { order: number } };
  "cancel-orders": {
    params: { account: number; symbol: string | null };
    result: { cancelled: number };
  };
}

export interface PlaceOrder {
  account: number;
  symbol: string;
  side: Side;
  orderType: OrderType;
  timeInForce: TimeInForce;
  quantity: number;
  /** Null for a market or a stop order. */
  priceTicks: number | null;
  /** Tightens the protection price of a market or a stop order; null leaves the policy's. */
  maxSlippageBps: number | null;
  postOnly: boolean;
  clientOrderId: string | null;
  /** A supplier's agent lets missing Units be issued in the same command. */
  issueMissing: boolean;
  /** Of `gtd`: when it is over, in milliseconds since the epoch. A `day` order ends at 00:00 UTC. */
  expiresAtMs?: number | undefined;
  /** Of `stop` and `stop_limit`: a trade at this price or beyond lets it in. */
  stopTicks?: number | undefined;
  /** Sells at most the free Units; never issues. */
  reduceOnly?: boolean | undefined;
  /** `cancel-newest` where nothing is said. */
  selfTrade?: SelfTradeMode | undefined;
  /** Cancelled by `cancel-session-orders` of this name. */
  session?: string | undefined;
  /** A quote group of the account, made by `set-quote-group`. */
  group?: string | undefined;
}

export type Placement =
  | { ok: true; result: { order: number; clientOrderId: string | null } }
  | { ok: false; rejection: Rejection };

/** All limit asks of a supplier on one instrument, as they shall be; none: all of them end. */
export interface ReplaceQuotes {
  account: number;
  symbol: string;
  quotes: { priceTicks: number; quantity: number }[];
  group?: string | undefined;
  session?: string | undefined;
}

export interface QuotesReplaced {
  /** For each quote its order: the one that it was, or a new one, which may have traded already. */
  orders: number[];
  kept: number;
  placed: number;
  cancelled: number;
}

/** What is left out stays. A smaller quantity alone keeps the order's place, anything else loses it. */
export interface AmendOrder {
  account: number;
  order: number;
  /** Of the whole order, with what is filled: more than that, or cancel it. */
  quantity?: number | undefined;
  /** Not of a `stop` order: its protection price follows its stop price. */
  priceTicks?: number | undefined;
  /** While it waits for it. */
  stopTicks?: number | undefined;
  /** `gtc`, `day` or `gtd`. A day begins again. */
  timeInForce?: TimeInForce | undefined;
  expiresAtMs?: number | undefined;
  /** Issues Units that a larger ask lacks. */
  issueMissing?: boolean | undefined;
}
