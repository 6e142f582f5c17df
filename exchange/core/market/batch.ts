/** Several orders in one command: each is answered by itself, as if it had come alone. */
import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";
import { placeOrder } from "./orders.ts";

/** Most orders of one batch. */
export const ORDERS_PER_BATCH_MAX = 100;

export function placeOrders(
  turn: Turn,
  { account, orders }: Command<"place-orders">,
): Decision<CommandResult<"place-orders">> {
  if (orders.length < 1 || orders.length > ORDERS_PER_BATCH_MAX) {
    return reject(
      "invalid-order",
      `a batch of ${orders.length} orders, expected 1 to ${ORDERS_PER_BATCH_MAX}`,
    );
  }
  const foreign = orders.find((order) => order.account !== account);
  if (foreign !== undefined) {
    return reject(
      "invalid-order",
      `a batch of account ${account} has an order of account ${foreign.account}; send them apart`,
    );
  }
  return accept({
    results: orders.map((order) => placeOrder(turn, { type: "place-order", ...order })),
  });
}
