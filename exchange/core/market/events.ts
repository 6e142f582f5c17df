/** Events of orders beyond place, trade and close: terms, stop prices, amendments. */
import type { TimeInForce } from "#exchange/core/commands.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { OrderTerms } from "./order-terms.ts";
import type { TradingPhase } from "./trading-phase.ts";

export interface MarketEventMap {
  /** Straight after `order-accepted`: what the order asks for beyond it. With a stop price it waits from now on. */
  "order-terms-set": { order: number; terms: OrderTerms };
  /**
   * What the order is from now on. With `keepsPlace` only its quantity fell; else it has left the book,
   * and what it does then follows as events of its own.
   */
  "order-amended": {
    order: number;
    quantity: number;
    priceTicks: number;
    timeInForce: TimeInForce;
    terms: OrderTerms | null;
    keepsPlace: boolean;
    postings: Posting[];
  };
  "trading-phase-set": {
    symbol: string;
    phase: TradingPhase;
    reason: string;
    /** Of an auction: when it uncrosses. */
    endsAtMs: number | null;
  };
  /** An auction is over: what follows trades at that price, so many increments as things stand. */
  "auction-uncrossing": { symbol: string; priceTicks: number; quantity: number };
  /** Set for the first time or anew: it counts from nothing. */
  "quote-group-set": {
    account: number;
    symbol: string;
    group: string;
    quantityMax: number;
    windowMs: number;
  };
  /** Its fills reached its limit; what is left of it is cancelled by events of its own. */
  "quote-group-tripped": { account: number; symbol: string; group: string; filled: number };
  /** When all orders of the account are cancelled unless this is renewed; null: never, or it went off. */
  "cancel-after-set": { account: number; cancelsAtMs: number | null };
  /** A trade at that price let these stop orders in; they enter the market in this order. */
  "stops-triggered": { symbol: string; priceTicks: number; orders: number[] };
}
