/** What falls due in a supplier's standing, whatever it is: one due item says only that something may be. */
import { stepWeight } from "#exchange/core/sla/consequences.ts";
import { payOut, releaseHoldback } from "#exchange/core/sla/pay-out.ts";
import { type Standing, standingsOf } from "#exchange/core/sla/standing.ts";
import { closeWindow } from "#exchange/core/sla/window-close.ts";
import { takeUpAsks } from "#exchange/core/supply/nodes.ts";
import type { Turn } from "#exchange/core/turn.ts";

/** Does what is due of a supplier: suspensions, breakers and weights, then windows, then pay. */
export function lookAfterSupplier(turn: Turn, account: number): void {
  const supplier = turn.state.suppliers.get(account);
  if (supplier === undefined) return;
  const standings = standingsOf(supplier);
  for (const standing of standings) {
    endSuspension(turn, standing);
    lookAfterBreaker(turn, standing);
    const { weightStepsAtMs } = standing;
    if (weightStepsAtMs !== null && weightStepsAtMs <= turn.nowMs) stepWeight(turn, standing);
  }
  let closed = 0;
  for (const standing of standings) {
    const { card } = standing;
    if (card === null || card.endsAtMs > turn.nowMs) continue;
    closeWindow(turn, standing, card);
    closed += 1;
  }
  // After every instrument's charge: they have the first claim on the pay.
  if (closed > 0) payOut(turn, supplier);
  for (;;) {
    const [oldest] = supplier.holdbacks;
    if (oldest === undefined || oldest.releaseAtMs > turn.nowMs) return;
    releaseHoldback(turn, account, oldest);
  }
}

function endSuspension(turn: Turn, { account, symbol, suspendedUntilMs }: Standing): void {
  if (suspendedUntilMs === null || suspendedUntilMs > turn.nowMs) return;
  turn.emit({
    type: "supplier-reinstated",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    symbol,
  });
}

/** Half-open: a few deliveries at a time, and its asks come back, behind those that stood meanwhile. */
function lookAfterBreaker(turn: Turn, { account, symbol, breaker }: Standing): void {
  if (breaker.phase !== "open" || breaker.halfOpensAtMs > turn.nowMs) return;
  turn.emit({
    type: "breaker-half-opened",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    symbol,
    openings: breaker.openings,
  });
  takeUpAsks(turn, account, symbol);
}
