/** Ending an order: whatever is still held for it goes back, in one event. */
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { ClosureReason, Order } from "#exchange/core/state.ts";
import type { Turn } from "#exchange/core/turn.ts";

export function closeOrder(
  turn: Turn,
  order: Order,
  status: "filled" | "cancelled",
  reason: ClosureReason | null,
): void {
  const { ledger } = turn.state;
  const postings: Posting[] = [];
  const held = ledger.holdAmount(order.holdName);
  if (held > 0n) postings.push({ kind: "void", hold: order.holdName, amount: held });
  if (order.side === "sell") {
    const margin = ledger.holdAmount(order.marginName);
    if (margin > 0n) postings.push({ kind: "void", hold: order.marginName, amount: margin });
  }
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
