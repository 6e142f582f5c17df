/** The streams of one market: its book, its ticker, its candles, its trades. */
import type { EventOf } from "#exchange/core/events.ts";
import type { Resolution } from "#exchange/history/candles-times.ts";
import type { History } from "#exchange/history/history.ts";
import { BookState } from "./book-state.ts";
import { CandleState } from "./candle-state.ts";
import type { DurableMarket } from "./durable-market.ts";
import { EventLog } from "./event-log.ts";
import { eventBytes } from "./frames.ts";
import { StateFeed } from "./state-feed.ts";
import { TickerState } from "./ticker-state.ts";
import { streamedTrade } from "./views.ts";
import { VOLUME_WINDOW_MS, VolumeWindow } from "./volume-window.ts";

/** A state with the feed that tells it. */
interface Told<S> {
  state: S;
  feed: StateFeed;
}

export interface MarketFeedsDependencies {
  /** Asked for the past, when somebody first wants it. */
  history: Pick<History, "candles">;
  defer: (run: () => void) => void;
}

export class MarketFeeds {
  readonly market: DurableMarket;
  readonly trades: EventLog;
  readonly book: Told<BookState>;
  readonly #dependencies: MarketFeedsDependencies;
  readonly #candles = new Map<Resolution, Told<CandleState>>();
  #ticker: Told<TickerState> | null = null;
  #volume: VolumeWindow | null = null;

  constructor(
    market: DurableMarket,
    at: { seq: number; nowMs: number },
    dependencies: MarketFeedsDependencies,
  ) {
    this.market = market;
    this.#dependencies = dependencies;
    this.trades = new EventLog(at.seq, dependencies.defer);
    this.book = this.#told(new BookState(market, at.seq, at.nowMs));
  }

  /** Made when it is first asked for: until then nobody wants to know the volume. */
  ticker(nowMs: number): Told<TickerState> {
    if (this.#ticker === null) {
      const wish = { fromMs: nowMs - VOLUME_WINDOW_MS, toMs: nowMs };
      const minutes = this.#minutes(wish);
      this.#volume = new VolumeWindow(minutes, nowMs);
      this.#ticker = this.#told(new TickerState(this.market, this.#volume, nowMs));
    }
    return this.#ticker;
  }

  candles(resolution: Resolution): Told<CandleState> {
    let told = this.#candles.get(resolution);
    if (told === undefined) {
      const { symbol } = this.market.instrument;
      const wish = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 2 };
      const newest = this.#dependencies.history.candles(symbol, resolution, wish);
      told = this.#told(new CandleState(this.market, resolution, newest));
      this.#candles.set(resolution, told);
    }
    return told;
  }

  trade(event: EventOf<"trade">): void {
    const { symbol, priceTicks, quantity, atMs, seq } = event;
    this.#volume?.add(atMs, quantity);
    for (const { state } of this.#candles.values()) state.add(atMs, priceTicks, quantity);
    const frame = () =>
      eventBytes("new_trade", { data: streamedTrade(this.market, event), sequence: seq });
    this.trades.append({ stream: "market.trades", symbol, sequence: seq, frame });
  }

  /** Tells what changed up to event `seq`. */
  publish(seq: number, nowMs: number): void {
    this.trades.publish();
    this.book.state.advance(seq, nowMs);
    this.book.feed.publish();
    if (this.#ticker !== null) {
      this.#ticker.state.advance(nowMs);
      this.#ticker.feed.publish();
    }
    for (const { feed } of this.#candles.values()) feed.publish();
  }

  /** All of 24 hours: one answer of history holds fewer. */
  #minutes({ fromMs, toMs }: { fromMs: number; toMs: number }) {
    const { symbol } = this.market.instrument;
    const middleMs = (fromMs + toMs) / 2;
    const { history } = this.#dependencies;
    return [
      ...history.candles(symbol, "1m", { fromMs, toMs: middleMs - 1 }),
      ...history.candles(symbol, "1m", { fromMs: middleMs, toMs }),
    ];
  }

  #told<S extends BookState | TickerState | CandleState>(state: S): Told<S> {
    return { state, feed: new StateFeed(state, this.#dependencies.defer) };
  }
}
