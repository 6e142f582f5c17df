/**
 * Which Lots an account has in Trading, by instrument. Those of one account are laid out when it first
 * sells, transfers or is swept, so that a fill costs nothing here. Follows from Lots: in no snapshot.
 */
import type { Account, Lot } from "#exchange/core/state.ts";

const NOTHING: ReadonlySet<Lot> = new Set();

export class TradingLots {
  readonly #lots: ReadonlyMap<number, Lot>;
  readonly #rows = new Map<number, Map<string, Set<Lot>>>();

  /** `lots` are those of the state: all that are open. */
  constructor(lots: ReadonlyMap<number, Lot>) {
    this.#lots = lots;
  }

  /** In no particular order. */
  of(owner: Pick<Account, "number" | "lots">, symbol: string): ReadonlySet<Lot> {
    return this.#rowOf(owner).get(symbol) ?? NOTHING;
  }

  /** Instruments of which the account has Lots in Trading, by name. */
  symbolsOf(owner: Pick<Account, "number" | "lots">): string[] {
    return [...this.#rowOf(owner).keys()].sort();
  }

  add(lot: Lot): void {
    const row = this.#rows.get(lot.owner);
    if (row !== undefined) addTo(row, lot);
  }

  remove(lot: Lot): void {
    const row = this.#rows.get(lot.owner);
    const lots = row?.get(lot.symbol);
    lots?.delete(lot);
    if (lots?.size === 0) row?.delete(lot.symbol);
  }

  /** Whether a Lot is looked for where it is; of an account that was never laid out, nobody looks. */
  has(lot: Lot): boolean {
    return this.#rows.get(lot.owner)?.get(lot.symbol)?.has(lot) ?? !this.#rows.has(lot.owner);
  }

  /** Lots that stand here and are not in Trading. */
  *strays(): Generator<Lot> {
    for (const row of this.#rows.values()) {
      for (const lots of row.values()) {
        for (const lot of lots) {
          if (this.#lots.get(lot.number) !== lot || lot.tradingSinceMs === null) yield lot;
        }
      }
    }
  }

  #rowOf({ number: account, lots }: Pick<Account, "number" | "lots">): Map<string, Set<Lot>> {
    let row = this.#rows.get(account);
    if (row === undefined) {
      row = new Map();
      this.#rows.set(account, row);
      for (const number of lots) {
        const lot = this.#lots.get(number);
        if (lot !== undefined && lot.tradingSinceMs !== null) addTo(row, lot);
      }
    }
    return row;
  }
}

function addTo(row: Map<string, Set<Lot>>, lot: Lot): void {
  const lots = row.get(lot.symbol);
  if (lots === undefined) row.set(lot.symbol, new Set([lot]));
  else lots.add(lot);
}
