/** Events of orders beyond place, trade and close: terms, stop prices, amendments. */
import type { OrderTerms } from "./order-terms.ts";

export interface MarketEventMap {
  /** Straight after `order-accepted`: what the order asks for beyond it. With a stop price it waits from now on. */
  "order-terms-set": { order: number; terms: OrderTerms };
  /** A trade at that price let these stop orders in; they enter the market in this order. */
  "stops-triggered": { symbol: string; priceTicks: number; orders: number[] };
}
