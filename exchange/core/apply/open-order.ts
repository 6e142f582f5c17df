/** The order that an event is about, and its place in the book. */
import type { CoreState, Order } from "#exchange/core/state.ts";
import { instrumentOf } from "#exchange/core/turn.ts";

/** The open order of that number. Throws when there is none: the event does not fit. */
export function openOrderOf(state: CoreState, number: number): Order {
  const order = state.orders.get(number);
  if (order === undefined) throw new Error(`order ${number} is not open`);
  return order;
}

/** Takes an order out of the book, if it is there. */
export function leaveBook(state: CoreState, order: Order): void {
  if (order.handle === 0) return;
  if (!instrumentOf(state, order.symbol).book.remove(order.handle)) {
    throw new Error(`order ${order.number} was not in the book at its handle`);
  }
  order.handle = 0;
}
