/** Default: a supplier that could not pay a charge at once. */
import type { CoreState } from "#exchange/core/state.ts";

/** Whether a supplier owes: while it does, nothing of it is sold, and what bond there is gets collected. */
export function isInDefault({ ledger }: CoreState, supplier: number): boolean {
  return ledger.balance(ledger.names.owed(supplier)) < 0n;
}
