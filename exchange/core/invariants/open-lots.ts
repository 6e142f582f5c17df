/**
 * Each supplier's count of its open Lots against the Lots themselves, walked one by one while the market
 * goes on: what was counted and ends meanwhile, or is split off, is taken off again; what is new comes last.
 */
import type { CoreState, Lot, LotWatch } from "#exchange/core/state.ts";
import { add } from "./sums.ts";

const keyOf = ({ supplier, symbol }: Pick<Lot, "supplier" | "symbol">) => `${supplier}/${symbol}`;

class OpenLots implements LotWatch {
  readonly micros = new Map<string, bigint>();
  /** Lots are walked in the order of their numbers: those up to this one were counted. */
  #countedTo = 0;

  count(lot: Lot): void {
    add(this.micros, keyOf(lot), lot.valueMicros);
    this.#countedTo = lot.number;
  }

  ended(lot: Lot): void {
    this.splits(lot, lot.valueMicros);
  }

  splits(lot: Lot, micros: bigint): void {
    if (lot.number <= this.#countedTo) add(this.micros, keyOf(lot), -micros);
  }
}

/** May be paused where it `canPause`, and ends early when another such walk has begun. */
export function* openLotsBreaches(
  state: CoreState,
  { canPause }: { canPause: boolean },
): Generator<string | null> {
  const open = new OpenLots();
  if (canPause) state.lotWatch = open;
  try {
    for (const lot of state.lots.values()) {
      open.count(lot);
      yield null;
      if (canPause && state.lotWatch !== open) return;
    }
    // As many steps as suppliers and instruments, in one.
    for (const supplier of state.suppliers.values()) {
      for (const { account, symbol, openLotsMicros } of supplier.instruments.values()) {
        const micros = open.micros.get(keyOf({ supplier: account, symbol })) ?? 0n;
        if (micros === openLotsMicros) continue;
        yield `supplier ${account} counts open Lots of ${symbol} of ${openLotsMicros}, they are of ${micros}`;
      }
    }
  } finally {
    if (state.lotWatch === open) state.lotWatch = null;
  }
}
