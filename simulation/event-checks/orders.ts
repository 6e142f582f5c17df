/** Orders: traded in the order of the queue, within their limits, never beyond what they have. */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import { BUY, NONE, SELL } from "#exchange/core/market/order-book-port.ts";
import type { CoreState } from "#exchange/core/state.ts";

interface Resting {
  order: number;
  account: number;
  side: "buy" | "sell";
  priceTicks: number;
  left: number;
}
type Accepted = EventOf<"order-accepted">["order"] & { filled: number };

export class OrderChecks {
  /** By symbol, in order of arrival. */
  readonly #resting = new Map<string, Resting[]>();
  readonly #orders = new Map<number, Accepted>();

  /** Instruments in an auction, and the price at which each was uncrossed last. */
  readonly #inAuction = new Set<string>();
  readonly #uncrossTicks = new Map<string, number>();

  constructor(state: CoreState) {
    for (const { instrument, trading } of state.instruments.values()) {
      if (trading.phase === "auction") this.#inAuction.add(instrument.symbol);
      if (trading.uncrossTicks !== null) {
        this.#uncrossTicks.set(instrument.symbol, trading.uncrossTicks);
      }
    }
    for (const order of state.orders.values()) this.#orders.set(order.number, { ...order });
    for (const { book, instrument } of state.instruments.values()) {
      for (const side of [BUY, SELL] as const) {
        for (let handle = book.best(side); handle !== NONE; handle = book.next(handle)) {
          this.#rest(instrument.symbol, book.order(handle), book.quantity(handle));
        }
      }
    }
  }

  see(event: CoreEvent): string[] {
    switch (event.type) {
      case "order-accepted":
        this.#orders.set(event.order.number, { ...event.order, filled: 0 });
        return [];
      case "order-rested": {
        const order = this.#orders.get(event.order);
        if (order !== undefined) {
          this.#rest(order.symbol, order.number, order.quantity - order.filled);
        }
        return [];
      }
      case "order-amended":
        this.#amend(event);
        return [];
      case "trading-phase-set":
        if (event.phase === "auction") this.#inAuction.add(event.symbol);
        else this.#inAuction.delete(event.symbol);
        return [];
      case "auction-uncrossing":
        this.#uncrossTicks.set(event.symbol, event.priceTicks);
        return [];
      case "orders-suspended":
        for (const order of event.orders) this.#leave(order);
        return [];
      case "trade":
        return this.#trade(event);
      case "order-closed":
        this.#leave(event.order);
        this.#orders.delete(event.order);
        return [];
      default:
        return [];
    }
  }

  #rest(symbol: string, order: number, left: number): void {
    const accepted = this.#orders.get(order);
    if (accepted === undefined) return;
    const resting = this.#resting.get(symbol) ?? [];
    this.#resting.set(symbol, resting);
    const { account, side, priceTicks } = accepted;
    resting.push({ order, account, side, priceTicks, left });
  }

  /** A smaller order keeps its place; any other has left it. */
  #amend({ order: number, quantity, priceTicks, keepsPlace }: EventOf<"order-amended">): void {
    const order = this.#orders.get(number);
    if (order === undefined) return;
    if (!keepsPlace) this.#leave(number);
    for (const resting of this.#resting.values()) {
      const place = resting.find((each) => each.order === number);
      if (place !== undefined) place.left -= order.quantity - quantity;
    }
    Object.assign(order, { quantity, priceTicks });
  }

  #leave(order: number): void {
    for (const resting of this.#resting.values()) {
      const at = resting.findIndex((each) => each.order === order);
      if (at !== -1) resting.splice(at, 1);
    }
  }

  #trade(event: EventOf<"trade">): string[] {
    const problems: string[] = [];
    const say = (text: string) => problems.push(`trade ${event.trade}: ${text}`);
    const maker = this.#orders.get(event.makerOrder);
    const taker = this.#orders.get(event.takerOrder);
    const resting = this.#resting.get(event.symbol) ?? [];
    const place = resting.find((each) => each.order === event.makerOrder);
    if (maker === undefined || taker === undefined || place === undefined) {
      say(`order ${event.makerOrder} was not resting or order ${event.takerOrder} not accepted`);
      return problems;
    }
    if (event.buyer === event.seller) say(`account ${event.buyer} traded with itself`);
    // In an auction all trade at one price, within the limits of both.
    const isUncrossed = this.#inAuction.has(event.symbol);
    const price = isUncrossed ? this.#uncrossTicks.get(event.symbol) : maker.priceTicks;
    if (event.priceTicks !== price) say(`at ${event.priceTicks}, the price is ${price}`);
    for (const { number, side, priceTicks: limit } of isUncrossed ? [maker, taker] : [taker]) {
      if (side === "buy" ? event.priceTicks <= limit : event.priceTicks >= limit) continue;
      say(`at ${event.priceTicks}, beyond the ${limit} of order ${number}`);
    }
    // An automatic purchase takes one supplier's asks and passes others over.
    const first =
      taker.source === "auto" || taker.source === "cover"
        ? place
        : firstInLine(resting, maker.side);
    if (first !== place) say(`order ${first?.order} was in line before order ${maker.number}`);
    place.left -= event.quantity;
    if (place.left < 0) say(`order ${maker.number} gave ${-place.left} more than it had`);
    if (place.left <= 0) this.#leave(maker.number);
    const other = resting.find((each) => each.order === event.takerOrder);
    if (other !== undefined) other.left -= event.quantity;
    if (other !== undefined && other.left <= 0) this.#leave(taker.number);
    for (const order of [maker, taker]) {
      order.filled += event.quantity;
      if (order.filled > order.quantity)
        say(`order ${order.number} was filled beyond its quantity`);
    }
    return problems;
  }
}

/** The resting order of a side that is next: best price, then first come. */
function firstInLine(resting: readonly Resting[], side: "buy" | "sell"): Resting | undefined {
  let first: Resting | undefined;
  for (const each of resting) {
    if (each.side !== side) continue;
    const better =
      first === undefined ||
      (side === "buy" ? each.priceTicks > first.priceTicks : each.priceTicks < first.priceTicks);
    if (better) first = each;
  }
  return first;
}
