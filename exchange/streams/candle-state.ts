/** The newest candle of one market and resolution as a stream, with the one before it. */
import { addTrade, type Candle, candleOf } from "#exchange/history/candles.ts";
import { candleEndMs, candleStartMs, type Resolution } from "#exchange/history/candles-times.ts";
import { candleView } from "#exchange/history/candles-view.ts";
import type { DurableMarket } from "./durable-market.ts";
import { eventBytes } from "./frames.ts";
import type { LatestState } from "./state-feed.ts";

export class CandleState implements LatestState {
  readonly #market: DurableMarket;
  readonly #resolution: Resolution;
  #last: Candle | null;
  #previous: Candle | null;
  #position = 0;
  #frame: Buffer | null = null;

  /** `newest`: the last two candles there were, oldest first. */
  constructor(market: DurableMarket, resolution: Resolution, newest: readonly Candle[]) {
    this.#market = market;
    this.#resolution = resolution;
    this.#last = newest.at(-1) ?? null;
    this.#previous = newest.at(-2) ?? null;
  }

  get position(): number {
    return this.#position;
  }

  add(atMs: number, priceTicks: number, quantity: number): void {
    const last = this.#last;
    if (last !== null && atMs < candleEndMs(this.#resolution, last.startMs)) {
      addTrade(last, priceTicks, quantity);
    } else {
      this.#previous = last;
      this.#last = candleOf(candleStartMs(this.#resolution, atMs), priceTicks, quantity);
    }
    this.#position += 1;
    this.#frame = null;
  }

  /** Both candles, so that a reader that was told nothing for a while has the end of the one before. */
  frameFrom(): Buffer {
    const view = (candle: Candle | null) =>
      candle === null ? null : candleView(this.#market, this.#resolution, candle);
    this.#frame ??= eventBytes("candle_update", {
      data: view(this.#last),
      previous: view(this.#previous),
    });
    return this.#frame;
  }
}
