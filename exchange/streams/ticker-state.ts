/** The ticker of one market as a stream: last price, best prices, and what was traded in 24 hours. */
import { publicId } from "#protocol/ids.ts";
import { formatPrice, formatQuantity } from "#protocol/quotation.ts";
import type { DurableMarket } from "./durable-market.ts";
import { eventBytes } from "./frames.ts";
import type { LatestState } from "./state-feed.ts";
import type { VolumeWindow } from "./volume-window.ts";

export class TickerState implements LatestState {
  readonly #market: DurableMarket;
  readonly #volume: VolumeWindow;
  #position = 0;
  #shown: (number | null)[] = [];
  #frame: Buffer | null = null;
  #atMs: number;

  constructor(market: DurableMarket, volume: VolumeWindow, atMs: number) {
    this.#market = market;
    this.#volume = volume;
    this.#atMs = atMs;
    this.advance(atMs);
  }

  get position(): number {
    return this.#position;
  }

  /** Looks whether it changed. */
  advance(atMs: number): void {
    const { levels, lastPriceTicks } = this.#market;
    const [bid, ask] = [levels.bestTicks("buy"), levels.bestTicks("sell")];
    const shown = [lastPriceTicks, bid, ask, this.#volume.totalAt(atMs)];
    if (shown.every((figure, at) => figure === this.#shown[at])) return;
    this.#shown = shown;
    this.#atMs = atMs;
    this.#position += 1;
    this.#frame = null;
  }

  frameFrom(): Buffer {
    this.#frame ??= this.#made();
    return this.#frame;
  }

  /** Flat, as published: the other events put their fields under `data`. */
  #made(): Buffer {
    const { number, instrument } = this.#market;
    const [last = null, bid = null, ask = null, volume] = this.#shown;
    const price = (ticks: number | null) =>
      ticks === null ? null : formatPrice(instrument, ticks);
    return eventBytes("market_ticker", {
      market_id: publicId("market", number),
      last_price: price(last),
      bid: price(bid),
      ask: price(ask),
      volume_24h: formatQuantity(instrument, volume ?? 0),
      timestamp: new Date(this.#atMs).toISOString(),
    });
  }
}
