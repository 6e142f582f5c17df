/**
 * The book of one market as a stream: snapshots, and steps from one sequence number to the next. A
 * sequence number is the journal's, so it means the same after a restart. Steps that are kept say only
 * which levels changed; what stands there now is asked when somebody comes back.
 */
import { publicId } from "#protocol/ids.ts";
import { formatPrice, formatQuantity } from "#protocol/quotation.ts";
import type { DurableMarket } from "./durable-market.ts";
import { eventBytes } from "./frames.ts";
import type { Level } from "./level-book.ts";
import { BOOK_STEPS_KEPT_MAX } from "./limits.ts";
import type { LatestState } from "./state-feed.ts";

/** Frames for readers that came back from other places than most, kept until the next change. */
const FRAMES_KEPT_MAX = 64;

interface Step {
  to: number;
  bids: number[];
  asks: number[];
}

export class BookState implements LatestState {
  readonly #market: DurableMarket;
  /** By the sequence number that each leads on from, oldest first. */
  readonly #steps = new Map<number, Step>();
  readonly #frames = new Map<number | null, Buffer>();
  #sequence: number;
  #atMs: number;

  constructor(market: DurableMarket, sequence: number, atMs: number) {
    this.#market = market;
    this.#sequence = sequence;
    this.#atMs = atMs;
  }

  get position(): number {
    return this.#sequence;
  }

  /** Takes in what changed up to event `sequence`. */
  advance(sequence: number, atMs: number): void {
    const { bids, asks } = this.#market.levels.takeChanges();
    if (bids.length === 0 && asks.length === 0) return;
    const ticks = (levels: Level[]) => levels.map(([priceTicks]) => priceTicks);
    this.#steps.set(this.#sequence, { to: sequence, bids: ticks(bids), asks: ticks(asks) });
    if (this.#steps.size > BOOK_STEPS_KEPT_MAX) {
      this.#steps.delete(this.#steps.keys().next().value as number);
    }
    this.#frames.clear();
    this.#sequence = sequence;
    this.#atMs = atMs;
  }

  /** Whether a reader that stands there can go on without a snapshot. */
  canResume(sequence: number): boolean {
    return sequence === this.#sequence || this.#steps.has(sequence);
  }

  frameFrom(position: number | null): Buffer {
    const from = position !== null && this.canResume(position) ? position : null;
    let frame = this.#frames.get(from);
    if (frame === undefined) {
      frame = from === null ? this.#snapshot() : this.#update(from);
      if (this.#frames.size < FRAMES_KEPT_MAX) this.#frames.set(from, frame);
    }
    return frame;
  }

  #snapshot(): Buffer {
    const { levels, instrument } = this.#market;
    return this.#frame("book_snapshot", {
      tick_size: formatPrice(instrument, 1),
      lot_size: formatQuantity(instrument, 1),
      bids: this.#rows(levels.levels("buy")),
      asks: this.#rows(levels.levels("sell")),
    });
  }

  #update(from: number): Buffer {
    const changed = { buy: new Set<number>(), sell: new Set<number>() };
    for (let at = from; at !== this.#sequence; ) {
      const step = this.#steps.get(at) as Step;
      for (const ticks of step.bids) changed.buy.add(ticks);
      for (const ticks of step.asks) changed.sell.add(ticks);
      at = step.to;
    }
    const { levels } = this.#market;
    const rows = (side: "buy" | "sell") =>
      this.#rows([...changed[side]].map((ticks) => [ticks, levels.quantity(side, ticks)] as const));
    return this.#frame("book_update", {
      previous_sequence: from,
      bids: rows("buy"),
      asks: rows("sell"),
    });
  }

  #frame(event: string, content: object): Buffer {
    const { number, levels } = this.#market;
    return eventBytes(event, {
      data: {
        market_id: publicId("market", number),
        sequence: this.#sequence,
        ...content,
        checksum: levels.checksum,
        timestamp: new Date(this.#atMs).toISOString(),
      },
    });
  }

  #rows(levels: readonly Level[]): [price: string, quantity: string][] {
    const { instrument } = this.#market;
    return levels.map(([ticks, increments]) => [
      formatPrice(instrument, ticks),
      formatQuantity(instrument, increments),
    ]);
  }
}
