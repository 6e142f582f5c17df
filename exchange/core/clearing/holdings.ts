/**
 * Which Lots an account can draw on, by instrument and supplier, soonest expiry first, with the tokens
 * that are free on them. A reservation finds its supplier without looking at every Lot. Follows from
 * Lots and deliveries: in no snapshot.
 */
import type { Account, Lot } from "#exchange/core/state.ts";

/** Gone places at the front of a list that are worth a copy of the rest. */
const GONE_MAX = 32;

/** One supplier's Lots in the hands of one account. */
export class Holding {
  readonly supplier: number;
  /** Of all its Lots. */
  freeTokens = 0;
  /** By expiry, then number. Those before `#first` are closed. */
  readonly #lots: Lot[] = [];
  #first = 0;
  /** No Lot before this one has a free token. */
  #firstFree = 0;

  constructor(supplier: number) {
    this.supplier = supplier;
  }

  get isEmpty(): boolean {
    return this.#first === this.#lots.length;
  }

  add(lot: Lot): void {
    const at = this.#placeOf(lot);
    this.#lots.splice(at, 0, lot);
    this.freeTokens += lot.freeTokens;
    this.#firstFree = Math.min(this.#firstFree, at);
  }

  remove(lot: Lot): void {
    const at = this.#placeOf(lot);
    if (this.#lots[at] !== lot) throw new Error(`lot ${lot.number} is not where it was put`);
    this.freeTokens -= lot.freeTokens;
    if (at > this.#first) {
      this.#lots.splice(at, 1);
      if (this.#firstFree > at) this.#firstFree -= 1;
      return;
    }
    this.#first += 1;
    this.#firstFree = Math.max(this.#firstFree, this.#first);
    if (this.#first > GONE_MAX && 2 * this.#first > this.#lots.length) {
      this.#lots.splice(0, this.#first);
      this.#firstFree -= this.#first;
      this.#first = 0;
    }
  }

  has(lot: Lot): boolean {
    return this.#lots[this.#placeOf(lot)] === lot;
  }

  /** What is wrong with it, against Lots that are open; null when nothing is. */
  problem(lots: ReadonlyMap<number, Lot>): string | null {
    let freeTokens = 0;
    let before: Lot | null = null;
    for (let at = this.#first; at < this.#lots.length; at += 1) {
      const lot = this.#lots[at] as Lot;
      if (lots.get(lot.number) !== lot) return `has Lot ${lot.number}, which is not open`;
      if (before !== null && !comesBefore(before, lot)) return `has Lot ${lot.number} out of order`;
      if (lot.freeTokens > 0 && at < this.#firstFree) return `passes Lot ${lot.number} over`;
      freeTokens += lot.freeTokens;
      before = lot;
    }
    if (freeTokens === this.freeTokens) return null;
    return `counts ${this.freeTokens} free tokens, its Lots have ${freeTokens}`;
  }

  /** Tokens of a Lot became free, or are no longer when negative. */
  free(lot: Lot, tokens: number): void {
    this.freeTokens += tokens;
    if (tokens > 0 && this.#firstFree > this.#first) {
      this.#firstFree = Math.min(this.#firstFree, this.#placeOf(lot));
    }
  }

  /** The Lot that ends first of those that have not ended by then. */
  firstAt(nowMs: number): Lot | null {
    for (let at = this.#first; at < this.#lots.length; at += 1) {
      const lot = this.#lots[at] as Lot;
      if (expiryOf(lot) > nowMs) return lot;
    }
    return null;
  }

  /** Free tokens of the Lots that have not ended by then. */
  freeTokensAt(nowMs: number): number {
    let tokens = this.freeTokens;
    for (let at = this.#first; at < this.#lots.length; at += 1) {
      const lot = this.#lots[at] as Lot;
      if (expiryOf(lot) > nowMs) break;
      tokens -= lot.freeTokens;
    }
    return tokens;
  }

  /** The Lots that have free tokens and have not ended by then, in order. */
  *withFreeTokens(nowMs: number): Generator<Lot> {
    for (let at = this.#firstFree; at < this.#lots.length; at += 1) {
      const lot = this.#lots[at] as Lot;
      if (lot.freeTokens === 0) {
        if (at === this.#firstFree) this.#firstFree += 1;
      } else if (expiryOf(lot) > nowMs) yield lot;
    }
  }

  #placeOf(lot: Lot): number {
    let low = this.#first;
    let high = this.#lots.length;
    // What is bought last ends last.
    if (low < high && comesBefore(this.#lots[high - 1] as Lot, lot)) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comesBefore(this.#lots[middle] as Lot, lot)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

type Row = Map<string, Map<number, Holding>>;

/** The holdings of all accounts. Those of one are laid out when it first draws on a Lot: a trader never does. */
export class Holdings {
  readonly #lots: ReadonlyMap<number, Lot>;
  readonly #rows = new Map<number, Row>();

  /** `lots` are those of the state: all that are open. */
  constructor(lots: ReadonlyMap<number, Lot>) {
    this.#lots = lots;
  }

  /** By supplier, in no particular order. */
  of(owner: Pick<Account, "number" | "lots">, symbol: string): ReadonlyMap<number, Holding> {
    let row = this.#rows.get(owner.number);
    if (row === undefined) {
      row = new Map();
      this.#rows.set(owner.number, row);
      for (const number of owner.lots) {
        const lot = this.#lots.get(number);
        if (lot !== undefined) addTo(row, lot);
      }
    }
    return row.get(symbol) ?? NOTHING;
  }

  /** Expiries moved by different times: all are laid out anew when they are next asked for. */
  layOutAnew(): void {
    this.#rows.clear();
  }

  add(lot: Lot): void {
    const row = this.#rows.get(lot.owner);
    if (row !== undefined) addTo(row, lot);
  }

  remove(lot: Lot): void {
    if (lot.tradingSinceMs !== null) return;
    const bySupplier = this.#rows.get(lot.owner)?.get(lot.symbol);
    const holding = bySupplier?.get(lot.supplier);
    holding?.remove(lot);
    if (holding?.isEmpty) bySupplier?.delete(lot.supplier);
  }

  /** Whether a Lot is where reservations look for it; of an account that never drew, nobody looks. */
  has(lot: Lot): boolean {
    const row = this.#rows.get(lot.owner);
    if (row === undefined) return true;
    return row.get(lot.symbol)?.get(lot.supplier)?.has(lot) === true;
  }

  /** What is wrong with a holding, one after the other, null where nothing is. May be paused. */
  *problems(): Generator<string | null> {
    for (const [owner, row] of this.#rows) {
      for (const [symbol, bySupplier] of row) {
        for (const [supplier, holding] of bySupplier) {
          const problem = holding.problem(this.#lots);
          const where = `the holding of account ${owner} in ${symbol} of ${supplier}`;
          yield problem === null ? null : `${where} ${problem}`;
        }
      }
    }
  }

  /** Tokens of a Lot become free, or are no longer when negative. */
  free(lot: Lot, tokens: number): void {
    lot.freeTokens += tokens;
    this.#rows.get(lot.owner)?.get(lot.symbol)?.get(lot.supplier)?.free(lot, tokens);
  }
}

const NOTHING: ReadonlyMap<number, Holding> = new Map();

function addTo(row: Row, lot: Lot): void {
  if (lot.tradingSinceMs !== null) return;
  const bySupplier = entry(row, lot.symbol, () => new Map<number, Holding>());
  entry(bySupplier, lot.supplier, () => new Holding(lot.supplier)).add(lot);
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function expiryOf(lot: Lot): number {
  return lot.expiresAtMs ?? Number.POSITIVE_INFINITY;
}

/** Soonest expiry first, then oldest. */
export function comesBefore(a: Lot, b: Lot): boolean {
  const difference = expiryOf(a) - expiryOf(b);
  return difference === 0 ? a.number < b.number : difference < 0;
}
