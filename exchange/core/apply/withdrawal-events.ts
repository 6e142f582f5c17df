/** What withdrawals do to the state, their postings aside. */
import type { Appliers } from "./apply.ts";

export const withdrawalAppliers: Appliers<
  "withdrawal-requested" | "withdrawal-completed" | "withdrawal-rejected"
> = {
  "withdrawal-requested": (state, event) => {
    const { withdrawal: number, account, amountMicros, from, reference, expiresAtMs } = event;
    state.counters.withdrawal = number;
    state.references.set(reference, { digest: event.digest, atMs: event.atMs });
    const requestedAtMs = event.atMs;
    state.withdrawals.set(number, {
      ...{ number, account, amountMicros, from, reference, requestedAtMs, expiresAtMs },
    });
    state.due.push({ dueMs: expiresAtMs, kind: "withdrawal-expiry", id: number });
  },
  "withdrawal-completed": (state, { withdrawal }) => void state.withdrawals.delete(withdrawal),
  "withdrawal-rejected": (state, { withdrawal }) => void state.withdrawals.delete(withdrawal),
};
