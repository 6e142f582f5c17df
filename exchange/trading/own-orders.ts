/** Orders of the caller by their public ids, and commands on one, refused in words that fit what became of it. */
import type { FastifyReply } from "fastify";
import type { Command } from "#exchange/core/commands.ts";
import type { History } from "#exchange/history/history.ts";
import type { OrderRecord } from "#exchange/history/records.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import type { Shell } from "#exchange/shell.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";

/** The number in a public id; throws `order-not-found`. */
export function orderNumber(id: string): number {
  const number = parsePublicId("order", id);
  if (number === null) throw new Refused("order-not-found", `"${id.slice(0, 80)}" is no order id`);
  return number;
}

/** An order of that account, open or closed; throws `order-not-found`. */
export function ownOrder(history: History, account: number, number: number): OrderRecord {
  const order = history.order(number);
  if (order !== null && order.account === account) return order;
  throw new Refused("order-not-found", `this account has no order ${publicId("order", number)}`);
}

/** Runs a command on an open order. The core forgets closed ones; history knows whether there was one. */
export async function runOnOrder(
  { shell, history }: { shell: Shell; history: History },
  reply: FastifyReply,
  command: Command<"cancel-order" | "amend-order">,
): Promise<void> {
  try {
    await runCommand(shell, reply, command);
  } catch (error) {
    if (!(error instanceof Refused) || error.refusal !== "order-not-found") throw error;
    const { status } = ownOrder(history, command.account, command.order);
    throw new Refused(status === "filled" ? "order-not-cancellable" : "order-already-cancelled");
  }
}
