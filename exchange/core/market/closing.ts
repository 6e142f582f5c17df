/** Ending an order: whatever is still held for it goes back, in one event. */
import { askLotHold } from "#exchange/core/ledger/account-names.ts";
import type { Ledger, Posting } from "#exchange/core/ledger/ledger.ts";
import type { ClosureReason, Order } from "#exchange/core/state.ts";
import type { Turn } from "#exchange/core/turn.ts";

export function closeOrder(
  turn: Turn,
  order: Order,
  status: "filled" | "cancelled",
  reason: ClosureReason | null,
): void {
  const postings = voidsOf(turn.state.ledger, order);
  turn.emit({
    type: "order-closed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    order: order.number,
    status,
    reason,
    postings,
  });
}

/** As literals: a list that is pushed to sets aside room for 17. */
function voidsOf(ledger: Ledger, order: Order): Posting[] {
  if (order.lots.length > 0) {
    return order.lots
      .map(({ lot }) => voidOf(ledger, askLotHold(order.number, lot)))
      .filter((posting) => posting !== null);
  }
  const held = voidOf(ledger, order.holdName);
  const margin = order.side === "sell" ? voidOf(ledger, order.marginName) : null;
  if (held === null) return margin === null ? [] : [margin];
  return margin === null ? [held] : [held, margin];
}

function voidOf(ledger: Ledger, hold: string): Posting | null {
  const amount = ledger.holdAmount(hold);
  return amount > 0n ? { kind: "void", hold, amount } : null;
}
