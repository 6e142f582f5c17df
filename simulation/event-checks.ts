/**
 * What events may and may not say, held against the simplest bookkeeping there is: lists of resting
 * orders, open deliveries, ids that were used. Reads events only, so a wrong event is seen even when
 * the state it leads to is consistent.
 */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import { BUY, NONE, SELL } from "#exchange/core/market/order-book-port.ts";
import type { CoreState, Delivery } from "#exchange/core/state.ts";

interface Resting {
  order: number;
  account: number;
  side: "buy" | "sell";
  priceTicks: number;
  left: number;
}
type Accepted = EventOf<"order-accepted">["order"] & { filled: number };

export class EventChecks {
  /** By symbol, in order of arrival. */
  readonly #resting = new Map<string, Resting[]>();
  readonly #orders = new Map<number, Accepted>();
  readonly #deliveries = new Map<number, Pick<Delivery, "parts" | "requestId">>();
  readonly #clientIds = new Map<string, number>();
  readonly #references = new Set<string>();
  readonly #settled = new Set<string>();
  #clientIdKeptMs = 0;

  /** Starts from a state that was proven by other means. */
  constructor(state: CoreState) {
    this.#clientIdKeptMs = state.policy?.clientIdKeptMs ?? 0;
    for (const order of state.orders.values()) this.#orders.set(order.number, { ...order });
    for (const { book, instrument } of state.instruments.values()) {
      for (const side of [BUY, SELL] as const) {
        for (let handle = book.best(side); handle !== NONE; handle = book.next(handle)) {
          this.#rest(instrument.symbol, book.order(handle), book.quantity(handle));
        }
      }
    }
    for (const delivery of state.deliveries.values()) {
      this.#deliveries.set(delivery.number, delivery);
    }
    for (const [key, { atMs }] of state.clientIds) this.#clientIds.set(key, atMs);
    for (const reference of state.references.keys()) this.#references.add(reference);
  }

  /** What is wrong with an event, as sentences. */
  see(event: CoreEvent): string[] {
    switch (event.type) {
      case "policy-adopted":
        this.#clientIdKeptMs = event.policy.clientIdKeptMs;
        return [];
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
      case "orders-suspended":
        for (const order of event.orders) this.#leave(order);
        return [];
      case "trade":
        return this.#trade(event);
      case "order-closed":
        this.#leave(event.order);
        this.#orders.delete(event.order);
        return [];
      case "delivery-reserved":
        this.#deliveries.set(event.delivery, event);
        return [];
      case "delivery-settled":
        return this.#settle(event);
      case "delivery-released":
        return this.#end(event.delivery);
      case "lot-expired":
      case "lot-consumed":
        return this.#lotEnded(event.lot, event.type);
      case "funds-deposited":
        if (this.#references.has(event.reference)) {
          return [`deposit reference ${event.reference} was booked twice`];
        }
        this.#references.add(event.reference);
        return [];
      case "client-id-recorded":
        return this.#recordClientId(`${event.account}:${event.clientId}`, event.atMs);
      case "client-ids-forgotten":
        return event.keys.flatMap((key) => this.#forgetClientId(key, event.atMs));
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
    if (event.priceTicks !== maker.priceTicks) {
      say(`at ${event.priceTicks}, the maker asked ${maker.priceTicks}`);
    }
    const limit = taker.priceTicks;
    if (taker.side === "buy" ? event.priceTicks > limit : event.priceTicks < limit) {
      say(`at ${event.priceTicks}, beyond the taker's ${limit}`);
    }
    // An automatic purchase takes one supplier's asks and passes others over.
    const first = taker.source === "auto" ? place : firstInLine(resting, maker.side);
    if (first !== place) say(`order ${first?.order} was in line before order ${maker.number}`);
    place.left -= event.quantity;
    if (place.left < 0) say(`order ${maker.number} gave ${-place.left} more than it had`);
    if (place.left <= 0) this.#leave(maker.number);
    for (const order of [maker, taker]) {
      order.filled += event.quantity;
      if (order.filled > order.quantity)
        say(`order ${order.number} was filled beyond its quantity`);
    }
    return problems;
  }

  #settle(event: EventOf<"delivery-settled">): string[] {
    const delivery = this.#deliveries.get(event.delivery);
    const problems = this.#end(event.delivery);
    if (delivery === undefined) return problems;
    const reserved = delivery.parts.reduce((sum, part) => sum + part.tokens, 0);
    if (event.usedTokens > reserved) {
      problems.push(
        `delivery ${event.delivery} billed ${event.usedTokens} of ${reserved} reserved`,
      );
    }
    if (this.#settled.has(delivery.requestId)) {
      problems.push(`request ${delivery.requestId} was billed twice`);
    }
    this.#settled.add(delivery.requestId);
    return problems;
  }

  #end(delivery: number): string[] {
    return this.#deliveries.delete(delivery) ? [] : [`delivery ${delivery} ended twice`];
  }

  #lotEnded(lot: number, how: string): string[] {
    const problems: string[] = [];
    for (const [number, delivery] of this.#deliveries) {
      if (delivery.parts.some((part) => part.lot === lot)) {
        problems.push(`${how}: Lot ${lot}, on which delivery ${number} still draws`);
      }
    }
    return problems;
  }

  #recordClientId(key: string, atMs: number): string[] {
    const isKnown = this.#clientIds.has(key);
    this.#clientIds.set(key, atMs);
    return isKnown ? [`client order id ${key} placed two orders`] : [];
  }

  #forgetClientId(key: string, atMs: number): string[] {
    const keptMs = atMs - (this.#clientIds.get(key) ?? Number.NEGATIVE_INFINITY);
    this.#clientIds.delete(key);
    return keptMs < this.#clientIdKeptMs
      ? [`client order id ${key} forgotten after ${keptMs} ms`]
      : [];
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
