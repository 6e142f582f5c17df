/** Default: a supplier whose bond could not pay a charge. */
import type { CoreState } from "#exchange/core/state.ts";

/** Whether a supplier still owes after its bond is gone. */
export function isInDefault({ ledger }: CoreState, supplier: number): boolean {
  return ledger.balance(ledger.names.owed(supplier)) < 0n;
}
