/**
 * The one price at which an auction uncrosses a book. Of the prices at which somebody asks or bids:
 *
 * 1. the one at which most is traded;
 * 2. of several, the one that leaves least on either side;
 * 3. of several, the highest when buyers are left over at each of them, the lowest when sellers are;
 * 4. else the one nearest to the last trade, and of two the lower.
 */
import { BUY, type DepthLevel, type OrderBook, SELL } from "./order-book-port.ts";

export interface Uncross {
  priceTicks: number;
  /** Increments that are traded at that price. */
  quantity: number;
}

interface Candidate extends Uncross {
  /** Left over: above 0 of buyers, below of sellers. */
  surplus: number;
}

/** Null when the book is not crossed: nothing would be traded. Also the indicative price of an auction. */
export function uncrossPrice(book: OrderBook, lastTicks: number | null): Uncross | null {
  const bestBid = book.bestPriceTicks(BUY);
  const bestAsk = book.bestPriceTicks(SELL);
  if (bestBid === null || bestAsk === null || bestBid < bestAsk) return null;
  const all = book.size;
  const bids = book.depth(BUY, all).filter(({ priceTicks }) => priceTicks >= bestAsk);
  const asks = book.depth(SELL, all).filter(({ priceTicks }) => priceTicks <= bestBid);
  const chosen = choose(candidatesOf(bids, asks), lastTicks);
  return { priceTicks: chosen.priceTicks, quantity: chosen.quantity };
}

/** Every price in the crossed part of the book, lowest first, and what would be traded at it. */
function candidatesOf(bids: DepthLevel[], asks: DepthLevel[]): Candidate[] {
  const prices = new Set([...bids, ...asks].map(({ priceTicks }) => priceTicks));
  let buyable = bids.reduce((sum, { quantity }) => sum + quantity, 0);
  let sellable = 0;
  const bidsUp = bids.reverse();
  let bid = 0;
  let ask = 0;
  return [...prices]
    .sort((a, b) => a - b)
    .map((priceTicks) => {
      for (; (asks[ask]?.priceTicks ?? Infinity) <= priceTicks; ask += 1) {
        sellable += asks[ask]?.quantity ?? 0;
      }
      for (; (bidsUp[bid]?.priceTicks ?? Infinity) < priceTicks; bid += 1) {
        buyable -= bidsUp[bid]?.quantity ?? 0;
      }
      const quantity = Math.min(buyable, sellable);
      return { priceTicks, quantity, surplus: buyable - sellable };
    });
}

function choose(candidates: Candidate[], lastTicks: number | null): Candidate {
  const most = Math.max(...candidates.map(({ quantity }) => quantity));
  const traded = candidates.filter(({ quantity }) => quantity === most);
  const least = Math.min(...traded.map(({ surplus }) => Math.abs(surplus)));
  const even = traded.filter(({ surplus }) => Math.abs(surplus) === least);
  const [lowest] = even;
  const highest = even.at(-1);
  if (lowest === undefined || highest === undefined) {
    throw new Error("a crossed book has a price at which something is traded");
  }
  if (least > 0 && even.every(({ surplus }) => surplus > 0)) return highest;
  if (least > 0 && even.every(({ surplus }) => surplus < 0)) return lowest;
  if (lastTicks === null) return lowest;
  let nearest = lowest;
  for (const each of even) {
    const isNearer =
      Math.abs(each.priceTicks - lastTicks) < Math.abs(nearest.priceTicks - lastTicks);
    if (isNearer) nearest = each;
  }
  return nearest;
}
