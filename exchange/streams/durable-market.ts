/**
 * Orders and levels as far as they are durable: what the streams tell. The core runs ahead of the
 * disk, so this follows the durable events instead of reading the core's state.
 */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import { BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import { isStop } from "#exchange/core/market/order-terms.ts";
import type { CoreState, Order } from "#exchange/core/state.ts";
import type { Handlers } from "#exchange/history/projector.ts";
import { handle } from "#exchange/history/projector.ts";
import type { Instrument } from "#protocol/instrument.ts";
import { LevelBook } from "./level-book.ts";

export interface DurableOrder
  extends Pick<
    Order,
    | "number"
    | "account"
    | "symbol"
    | "side"
    | "orderType"
    | "quantity"
    | "filled"
    | "priceTicks"
    | "valueMicros"
    | "status"
    | "closureReason"
    | "clientOrderId"
    | "placedAtMs"
  > {
  /** Of a stop order. */
  stopTicks: number | null;
  updatedAtMs: number;
  /** It rests in the book. */
  isResting: boolean;
}

export interface DurableMarket {
  number: number;
  instrument: Instrument;
  levels: LevelBook;
  lastPriceTicks: number | null;
  /** Resting orders, to be held against the core's book. */
  resting: number;
}

/** Told of what happens while an event is applied. */
export interface MarketListener {
  onMarket(market: DurableMarket): void;
  /** The row changes later: what is needed of it must be read now. */
  onOrder(order: DurableOrder, isNew: boolean): void;
  onTrade(market: DurableMarket, trade: EventOf<"trade">): void;
  /** Its levels may have changed. */
  onLevels(market: DurableMarket): void;
}

export class DurableMarkets {
  readonly markets = new Map<string, DurableMarket>();
  readonly orders = new Map<number, DurableOrder>();
  readonly #byAccount = new Map<number, Set<number>>();
  readonly #listener: MarketListener;
  readonly #handlers: Handlers;
  #seq: number;

  /** Starts as the core is; all of that must be durable, or nothing may be told of it yet. */
  constructor(state: CoreState, listener: MarketListener) {
    this.#listener = listener;
    this.#seq = state.seq;
    for (const { number, instrument, lastPriceTicks, book } of state.instruments.values()) {
      const market = this.#list(number, instrument, lastPriceTicks);
      for (const side of [BUY, SELL] as const) {
        for (const { priceTicks, quantity } of book.depth(side, Number.MAX_SAFE_INTEGER)) {
          market.levels.change(side === BUY ? "buy" : "sell", priceTicks, quantity);
        }
      }
      market.levels.takeChanges();
      market.resting = book.size;
    }
    for (const order of state.orders.values()) {
      const stopTicks = state.terms.get(order.number)?.stopTicks ?? null;
      const isResting = order.handle !== 0;
      this.#add({ ...rowOf(order), stopTicks, isResting, updatedAtMs: state.nowMs });
    }
    this.#handlers = this.#createHandlers();
  }

  /** Number of the last event taken in. */
  get seq(): number {
    return this.#seq;
  }

  /** Takes the next event in; one that was seen before is passed over. Throws when one is missing. */
  apply(event: CoreEvent): void {
    if (event.seq <= this.#seq) return;
    if (event.seq !== this.#seq + 1) {
      throw new Error(`streams stand at event ${this.#seq} and got ${event.seq}`);
    }
    handle(this.#handlers, event);
    this.#seq = event.seq;
  }

  /** Open orders of an account, oldest first. */
  ordersOf(account: number): DurableOrder[] {
    return [...(this.#byAccount.get(account) ?? [])].map((number) => this.#order(number));
  }

  marketOf(symbol: string): DurableMarket {
    const market = this.markets.get(symbol);
    if (market === undefined) throw new Error(`no market ${symbol} is listed`);
    return market;
  }

  #createHandlers(): Handlers {
    return {
      "instrument-listed": ({ number, instrument }) => {
        const known = this.markets.get(instrument.symbol);
        if (known === undefined) this.#listener.onMarket(this.#list(number, instrument, null));
        else known.instrument = instrument;
      },
      "order-accepted": ({ order, atMs }) => {
        const row = rowOf({
          ...order,
          ...{ filled: 0, valueMicros: 0n, status: "open", closureReason: null },
        });
        const added = { ...row, stopTicks: null, isResting: false, updatedAtMs: atMs };
        // A stop order is told with its terms, which follow.
        if (isStop(this.#add(added))) return;
        this.#tell(added, atMs, true);
      },
      "order-terms-set": ({ order: number, terms, atMs }) => {
        if (terms.stopTicks === null) return;
        const order = this.#order(number);
        order.stopTicks = terms.stopTicks;
        order.status = "waiting";
        this.#tell(order, atMs, true);
      },
      "order-amended": (event) => this.#amend(event),
      // It is pending as before, in line for the market.
      "stops-triggered": ({ orders }) => {
        for (const number of orders) this.#order(number).status = "triggered";
      },
      "order-rested": ({ order: number, atMs }) => {
        const order = this.#order(number);
        this.#rest(order);
        if (order.status === "triggered") this.#open([number], atMs);
      },
      "orders-suspended": ({ orders, atMs }) => {
        for (const number of orders) {
          const order = this.#order(number);
          this.#leaveBook(order);
          order.status = "suspended";
          this.#tell(order, atMs);
        }
      },
      "orders-resumed": ({ orders, atMs }) => this.#open(orders, atMs),
      trade: (event) => this.#trade(event),
      "order-closed": ({ order: number, status, reason, atMs }) => {
        const order = this.#order(number);
        this.#leaveBook(order);
        order.status = status;
        order.closureReason = reason;
        this.orders.delete(number);
        const own = this.#byAccount.get(order.account);
        own?.delete(number);
        if (own?.size === 0) this.#byAccount.delete(order.account);
        this.#tell(order, atMs);
      },
    };
  }

  #trade(event: EventOf<"trade">): void {
    const market = this.marketOf(event.symbol);
    market.lastPriceTicks = event.priceTicks;
    for (const number of [event.makerOrder, event.takerOrder]) {
      const order = this.#order(number);
      if (order.status === "triggered") order.status = "open";
      order.filled += event.quantity;
      order.valueMicros += event.valueMicros;
      const left = order.quantity - order.filled;
      if (order.isResting) {
        this.#changeLevel(market, order, -event.quantity);
        if (left === 0) {
          order.isResting = false;
          market.resting -= 1;
        }
      }
      // The end of a filled order follows in the same command, and is told instead.
      if (left > 0) this.#tell(order, event.atMs);
      else order.updatedAtMs = event.atMs;
    }
    this.#listener.onTrade(market, event);
  }

  /** Made smaller in its place, or out of the book until it rests again. */
  #amend(event: EventOf<"order-amended">): void {
    const order = this.#order(event.order);
    const smallerBy = order.quantity - event.quantity;
    if (!event.keepsPlace) this.#leaveBook(order);
    else if (order.isResting) this.#changeLevel(this.marketOf(order.symbol), order, -smallerBy);
    order.quantity = event.quantity;
    order.priceTicks = event.priceTicks;
    if (event.terms !== null) order.stopTicks = event.terms.stopTicks;
    this.#tell(order, event.atMs);
  }

  #open(orders: readonly number[], atMs: number): void {
    for (const number of orders) {
      const order = this.#order(number);
      order.status = "open";
      this.#tell(order, atMs);
    }
  }

  #rest(order: DurableOrder): void {
    const market = this.marketOf(order.symbol);
    this.#changeLevel(market, order, order.quantity - order.filled);
    order.isResting = true;
    market.resting += 1;
  }

  #leaveBook(order: DurableOrder): void {
    if (!order.isResting) return;
    const market = this.marketOf(order.symbol);
    this.#changeLevel(market, order, order.filled - order.quantity);
    order.isResting = false;
    market.resting -= 1;
  }

  #changeLevel(market: DurableMarket, { side, priceTicks }: DurableOrder, by: number): void {
    market.levels.change(side, priceTicks, by);
    this.#listener.onLevels(market);
  }

  #tell(order: DurableOrder, atMs: number, isNew = false): void {
    order.updatedAtMs = atMs;
    this.#listener.onOrder(order, isNew);
  }

  #list(number: number, instrument: Instrument, lastPriceTicks: number | null): DurableMarket {
    const levels = new LevelBook();
    const market = { number, instrument, levels, lastPriceTicks, resting: 0 };
    this.markets.set(instrument.symbol, market);
    return market;
  }

  #add(order: DurableOrder): DurableOrder {
    this.orders.set(order.number, order);
    let own = this.#byAccount.get(order.account);
    if (own === undefined) {
      own = new Set();
      this.#byAccount.set(order.account, own);
    }
    own.add(order.number);
    return order;
  }

  #order(number: number): DurableOrder {
    const order = this.orders.get(number);
    if (order === undefined) throw new Error(`streams know no open order ${number}`);
    return order;
  }
}

type Row = Omit<DurableOrder, "stopTicks" | "isResting" | "updatedAtMs">;

function rowOf(order: Row): Row {
  const { number, account, symbol, side, orderType, quantity, filled, priceTicks } = order;
  const { valueMicros, status, closureReason, clientOrderId, placedAtMs } = order;
  return {
    ...{ number, account, symbol, side, orderType, quantity, filled, priceTicks },
    ...{ valueMicros, status, closureReason, clientOrderId, placedAtMs },
  };
}
