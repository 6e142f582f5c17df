/** Ending an order: whatever is still held for it goes back, in one event. */
import { askHold, askMargin, bidHold } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { ClosureReason, Order } from "#exchange/core/state.ts";
import type { Turn } from "#exchange/core/turn.ts";

export function closeOrder(
  turn: Turn,
  order: Order,
  status: "filled" | "cancelled",
  reason: ClosureReason | null,
): void {
  const holds =
    order.side === "buy"
      ? [bidHold(order.number)]
      : [askHold(order.number), askMargin(order.number)];
  const postings: Posting[] = [];
  for (const hold of holds) {
    const amount = turn.state.ledger.holdAmount(hold);
    if (amount > 0n) postings.push({ kind: "void", hold, amount });
  }
  turn.emit("order-closed", { order: order.number, status, reason, postings });
}
