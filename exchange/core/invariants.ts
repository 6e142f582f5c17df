/**
 * What must be true of the state between any two commands, as sentences about what is not. The
 * simulator and the tests ask after every command, the exchange at its start and on a timer.
 *
 * `invariantBreaches` is the whole list. The parts are exported so that a large state can be checked
 * in slices: a row's checks hold at any moment, the totals need one look at everything.
 */
import { deliveryBreaches, lotBreaches, lotTotalsBreaches } from "./invariants/clearing.ts";
import { holdBreaches, ledgerTotalsBreaches } from "./invariants/ledger.ts";
import { bookBreaches, orderBreaches } from "./invariants/market.ts";
import { slaTotalsBreaches, supplierBreaches } from "./invariants/sla.ts";
import type { CoreState } from "./state.ts";

/** What is wrong, each as: where, what was found, what was expected. Empty when nothing is. */
export function invariantBreaches(state: CoreState): string[] {
  const breaches: string[] = [];
  for (const breach of rowBreaches(state)) if (breach !== null) breaches.push(breach);
  for (const breach of totalsBreaches(state)) breaches.push(breach);
  return breaches;
}

/**
 * Walks every row of the state; yields null for a good one and a sentence for each breach. May be
 * paused while commands run: a row that changed meanwhile is right again when it is reached.
 */
export function* rowBreaches(state: CoreState): Generator<string | null> {
  for (const order of state.orders.values()) yield* orNull(orderBreaches(state, order));
  for (const lot of state.lots.values()) yield* orNull(lotBreaches(state, lot));
  for (const delivery of state.deliveries.values()) {
    yield* orNull(deliveryBreaches(state, delivery));
  }
  for (const supplier of state.suppliers.values()) yield* orNull(supplierBreaches(state, supplier));
}

function* orNull(breaches: string[]): Generator<string | null> {
  if (breaches.length === 0) yield null;
  else yield* breaches;
}

/** Sums and sets, in one look: assets, holds, books, what suppliers owe. */
export function* totalsBreaches(state: CoreState): Generator<string> {
  yield* ledgerTotalsBreaches(state);
  yield* holdBreaches(state);
  for (const listed of state.instruments.values()) yield* bookBreaches(state, listed);
  yield* lotTotalsBreaches(state);
  yield* slaTotalsBreaches(state);
}
