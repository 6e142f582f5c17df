/**
 * What must be true of the state between any two commands, as sentences about what is not. The
 * simulator and the tests ask after every command, the exchange at its start and on a timer.
 */
import { clientIdBreaches, indexBreaches, withdrawalBreaches } from "./invariants/accounts.ts";
import {
  deliveryBreaches,
  deliveryCountBreaches,
  lotBreaches,
  strayBreaches,
} from "./invariants/clearing.ts";
import { ledgerBreaches } from "./invariants/ledger-sums.ts";
import { bookBreaches, orderBreaches } from "./invariants/market.ts";
import { openLotsBreaches } from "./invariants/open-lots.ts";
import { payBreaches, supplierBreaches } from "./invariants/sla.ts";
import { attendanceBreaches, nodeBreaches, supplyBreaches } from "./invariants/supply.ts";
import { quotingBreaches, termsBreaches } from "./invariants/terms.ts";
import type { CoreState } from "./state.ts";

/** What is wrong, each as: where, what was found, what was expected. Empty when nothing is. */
export function invariantBreaches(state: CoreState): string[] {
  const breaches: string[] = [];
  for (const breach of walk(state, { canPause: false })) if (breach !== null) breaches.push(breach);
  return breaches;
}

/**
 * The same in small steps: yields null for a row in order and a sentence for each breach. May be paused
 * between two steps while commands run. A row is looked at in one step; that nothing is missing among
 * others' rows is looked at from both sides; and sums are kept up with what moves meanwhile. One such
 * walk at a time: where another begins, the ledger's sums of the first are left unfinished.
 */
export function breachesInSteps(state: CoreState): Generator<string | null> {
  return walk(state, { canPause: true });
}

function* walk(state: CoreState, options: { canPause: boolean }): Generator<string | null> {
  for (const order of state.orders.values()) yield* step(orderBreaches(state, order));
  for (const listed of state.instruments.values()) yield* bookBreaches(state, listed);
  yield* termsBreaches(state);
  yield* quotingBreaches(state);
  for (const lot of state.lots.values()) yield* step(lotBreaches(state, lot));
  yield* state.holdings.problems();
  yield* step(strayBreaches(state));
  for (const delivery of state.deliveries.values()) {
    yield* step(deliveryBreaches(state, delivery));
  }
  yield* step(deliveryCountBreaches(state));
  yield* indexBreaches(state);
  yield* clientIdBreaches(state);
  yield* step(withdrawalBreaches(state));
  yield* step(nodeBreaches(state));
  for (const supply of state.supplies.values()) yield* step(supplyBreaches(state, supply));
  yield* attendanceBreaches(state);
  for (const supplier of state.suppliers.values()) yield* step(supplierBreaches(state, supplier));
  yield* openLotsBreaches(state, options);
  yield* payBreaches(state);
  yield* ledgerBreaches(state, options);
}

function* step(breaches: Iterable<string>): Generator<string | null> {
  yield* breaches;
  yield null;
}
