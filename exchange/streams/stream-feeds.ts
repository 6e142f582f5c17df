/**
 * All feeds, brought on by durable events. What is told is what is durable: this takes the same events
 * as the read model, and after it, so that the read model's answers about the past end where this begins.
 */
import type { CoreEvent } from "#exchange/core/events.ts";
import type { History } from "#exchange/history/history.ts";
import type { Shell } from "#exchange/shell.ts";
import { AccountFeed, type LotEnd } from "./account-feed.ts";
import { DurableMarkets } from "./durable-market.ts";
import { ACCOUNT_KEPT_MS, ACCOUNTS_KEPT_MAX } from "./limits.ts";
import { MarketFeeds } from "./market-feeds.ts";
import { type Owners, Touched } from "./touched-accounts.ts";

export interface StreamFeedsDependencies {
  shell: Shell;
  history: Pick<History, "candles">;
  /** Runs something in a later turn of the event loop. */
  defer: (run: () => void) => void;
}

/** How often accounts are looked for that nobody listens to any more. */
const LOOK_MS = 60_000;

const LOT_ENDS: Partial<Record<CoreEvent["type"], LotEnd>> = {
  "lot-consumed": "consumed",
  "lot-expired": "expired",
  "lot-closed-out": "closed_out",
};

export class StreamFeeds {
  readonly durable: DurableMarkets;
  readonly #dependencies: StreamFeedsDependencies;
  readonly #markets = new Map<string, MarketFeeds>();
  readonly #accounts = new Map<number, AccountFeed>();
  /** Lots of those accounts. */
  readonly #lotOwners = new Map<number, number>();
  readonly #changed = new Set<MarketFeeds>();
  #nowMs: number;
  #lookedMs = 0;

  /** Begins with the core's state as it is, which must be durable. */
  constructor(dependencies: StreamFeedsDependencies) {
    this.#dependencies = dependencies;
    const { state } = dependencies.shell;
    this.#nowMs = state.nowMs;
    this.durable = new DurableMarkets(state, {
      onMarket: (market) => void this.#addMarket(market),
      onLevels: (market) => void this.#changed.add(this.#feedsOf(market.instrument.symbol)),
      onOrder: (order, isNew) => this.#accounts.get(order.account)?.tellOrder(order, isNew),
      onTrade: (_market, trade) => {
        const feeds = this.#feedsOf(trade.symbol);
        feeds.trade(trade);
        this.#changed.add(feeds);
      },
    });
    for (const market of this.durable.markets.values()) this.#addMarket(market);
  }

  /** Time of the last durable event. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The streams of a listed market. */
  market(symbol: string): MarketFeeds | null {
    return this.#markets.get(symbol) ?? null;
  }

  /** What an account is told; kept for a while after its last reader left. */
  account(account: number): AccountFeed {
    let feed = this.#accounts.get(account);
    if (feed === undefined) {
      this.#forgetAccounts(ACCOUNTS_KEPT_MAX - 1);
      feed = new AccountFeed(account, {
        ...this.#dependencies,
        durable: this.durable,
        onLotEnd: (lot) => {
          if (this.#lotOwners.get(lot) === account) this.#lotOwners.delete(lot);
        },
      });
      for (const lot of feed.lots.keys()) this.#lotOwners.set(lot, account);
      this.#accounts.set(account, feed);
    }
    feed.leftAtMs = null;
    return feed;
  }

  /** The next durable events. */
  apply(events: readonly CoreEvent[]): void {
    const touched = new Touched(this.#owners);
    for (const event of events) {
      if (event.seq <= this.durable.seq) continue;
      // Before it is applied: an order that it closes is known until then.
      if (this.#accounts.size > 0) this.#note(event, touched);
      this.durable.apply(event);
      this.#nowMs = event.atMs;
    }
    for (const feeds of this.#changed) feeds.publish(this.durable.seq, this.#nowMs);
    this.#changed.clear();
    if (this.#nowMs - this.#lookedMs > LOOK_MS) {
      this.#lookedMs = this.#nowMs;
      this.#forgetAccounts(ACCOUNTS_KEPT_MAX);
    }
    for (const [account, lots] of touched.lotsByAccount) this.#accounts.get(account)?.touch(lots);
  }

  /**
   * Where the core's book of a market is not ours, as a sentence, or null. To be asked when the core is
   * not ahead: then both must be the same.
   */
  difference(): string | null {
    const { state } = this.#dependencies.shell;
    if (state.seq !== this.durable.seq) return null;
    for (const { instrument, book } of state.instruments.values()) {
      const market = this.durable.marketOf(instrument.symbol);
      if (market.resting !== book.size) {
        return `${instrument.symbol}: ${market.resting} orders rest here, ${book.size} in the book`;
      }
    }
    return null;
  }

  #note(event: CoreEvent, touched: Touched): void {
    if (event.type === "trade" && event.lot > 0 && !this.#lotOwners.has(event.lot)) {
      const buyer = this.#accounts.get(event.buyer);
      // The Lot may be used up by now, and so be in the state no more.
      if (buyer !== undefined) this.#trackLot(buyer, event.lot, event.symbol);
    }
    touched.addEvent(event);
    const end = LOT_ENDS[event.type];
    if (end === undefined || !("lot" in event) || typeof event.lot !== "number") return;
    const owner = this.#lotOwners.get(event.lot);
    if (owner !== undefined) this.#accounts.get(owner)?.endLot(event.lot, end);
  }

  readonly #owners: Owners = {
    ofLot: (number) => {
      const known = this.#lotOwners.get(number);
      const lot = this.#dependencies.shell.state.lots.get(number);
      const feed = lot === undefined ? undefined : this.#accounts.get(lot.owner);
      if (lot === undefined || feed === undefined || lot.owner === known) {
        return known === undefined ? [] : [known];
      }
      this.#trackLot(feed, number, lot.symbol);
      return known === undefined ? [lot.owner] : [known, lot.owner];
    },
    ofOrder: (number) => this.durable.orders.get(number)?.account ?? null,
  };

  #trackLot(feed: AccountFeed, lot: number, symbol: string): void {
    feed.lots.set(lot, symbol);
    this.#lotOwners.set(lot, feed.account);
  }

  #addMarket(market: MarketFeeds["market"]): void {
    const at = { seq: this.durable.seq, nowMs: this.#nowMs };
    this.#markets.set(market.instrument.symbol, new MarketFeeds(market, at, this.#dependencies));
  }

  #feedsOf(symbol: string): MarketFeeds {
    const feeds = this.#markets.get(symbol);
    if (feeds === undefined) throw new Error(`no market ${symbol} is listed`);
    return feeds;
  }

  /** Drops accounts that nobody listens to: those left long ago, and the oldest beyond `kept`. */
  #forgetAccounts(kept: number): void {
    for (const [account, feed] of this.#accounts) {
      if (feed.readers > 0) continue;
      feed.leftAtMs ??= this.#nowMs;
      const isOld = this.#nowMs - feed.leftAtMs > ACCOUNT_KEPT_MS;
      if (!isOld && this.#accounts.size <= kept) continue;
      this.#accounts.delete(account);
      for (const lot of feed.lots.keys()) {
        if (this.#lotOwners.get(lot) === account) this.#lotOwners.delete(lot);
      }
    }
  }
}
