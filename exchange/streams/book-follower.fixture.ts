/**
 * A client that keeps a book up to date, written from `docs/streams.md` alone: prices and quantities
 * as decimals, the checksum from integers that it makes of them by itself.
 */
export interface BookData {
  market_id: string;
  sequence: number;
  previous_sequence?: number;
  tick_size?: string;
  lot_size?: string;
  bids: [price: string, quantity: string][];
  asks: [price: string, quantity: string][];
  checksum: number;
}

export class BookFollower {
  readonly bids = new Map<string, string>();
  readonly asks = new Map<string, string>();
  sequence: number | null = null;
  snapshots = 0;
  updates = 0;
  #tick = 1n;
  #lot = 1n;

  /** Takes one event of `market.book`; throws when it does not follow, or the checksum is another. */
  take(event: string, data: BookData): void {
    if (event === "book_snapshot") {
      this.#tick = scaled(data.tick_size ?? "");
      this.#lot = scaled(data.lot_size ?? "");
      this.bids.clear();
      this.asks.clear();
      this.snapshots += 1;
    } else if (data.previous_sequence !== this.sequence) {
      throw new Error(`stands at ${this.sequence}, got what follows ${data.previous_sequence}`);
    } else this.updates += 1;
    for (const [side, rows] of [
      [this.bids, data.bids],
      [this.asks, data.asks],
    ] as const) {
      for (const [price, quantity] of rows) {
        if (quantity === "0") side.delete(price);
        else side.set(price, quantity);
      }
    }
    this.sequence = data.sequence;
    const own = this.checksum();
    if (own !== data.checksum) throw new Error(`checksum ${own}, told ${data.checksum}`);
  }

  /** Over all levels: the sum of their FNV-1a hashes, modulo 2^32. */
  checksum(): number {
    let sum = 0n;
    for (const [side, rows] of [
      [1n, this.bids],
      [2n, this.asks],
    ] as const) {
      for (const [price, quantity] of rows) {
        sum += fnv1a([side, scaled(price) / this.#tick, scaled(quantity) / this.#lot]);
      }
    }
    return Number(sum % 2n ** 32n);
  }

  /** Levels as numbers, best first: [ticks, increments]. */
  levels(side: "bids" | "asks"): [number, number][] {
    const rows = [...this[side]].map(([price, quantity]): [number, number] => [
      Number(scaled(price) / this.#tick),
      Number(scaled(quantity) / this.#lot),
    ]);
    return rows.sort(([a], [b]) => (side === "bids" ? b - a : a - b));
  }
}

/** A decimal in millionths. */
function scaled(text: string): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(6, "0"));
}

function fnv1a(words: bigint[]): bigint {
  let hash = 2_166_136_261n;
  for (const word of words) {
    for (const shift of [0n, 8n, 16n, 24n]) {
      hash = ((hash ^ ((word >> shift) & 255n)) * 16_777_619n) % 2n ** 32n;
    }
  }
  return hash;
}
