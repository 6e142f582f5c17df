/** Finding the order that an event is about. */
import type { CoreState, Order } from "#exchange/core/state.ts";

/** The open order of that number. Throws when there is none: the event does not fit. */
export function openOrderOf(state: CoreState, number: number): Order {
  const order = state.orders.get(number);
  if (order === undefined) throw new Error(`order ${number} is not open`);
  return order;
}
