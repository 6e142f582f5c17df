/** Deciding on cancels: one order, or all of an account's that share something. Taken in every phase of trading. */
import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { ClosureReason, Order } from "#exchange/core/state.ts";
import { accept, accountOf, type Decision, type Turn } from "#exchange/core/turn.ts";
import { closeOrder } from "./closing.ts";
import { restrictedProblem } from "./order-shape.ts";

export function cancelOrder(
  turn: Turn,
  command: Command<"cancel-order">,
): Decision<CommandResult<"cancel-order">> {
  const restricted = restrictedProblem(turn.state.accounts.get(command.account));
  if (restricted !== null) return restricted;
  const order = turn.state.orders.get(command.order);
  if (order === undefined || order.account !== command.account) {
    return reject("order-not-found", `no open order ${command.order} of this account`);
  }
  closeOrder(turn, order, "cancelled", "cancelled");
  return accept({ order: command.order });
}

export function cancelOrders(
  turn: Turn,
  command: Command<"cancel-orders">,
): Decision<CommandResult<"cancel-orders">> {
  const { account, symbol } = command;
  if (!turn.state.accounts.has(account)) return unknownAccount(account);
  const cancelled = cancelWhere(
    turn,
    account,
    "cancelled",
    (order) => symbol === null || order.symbol === symbol,
  );
  return accept({ cancelled });
}

/** The session is over: what was placed for it ends. */
export function cancelSessionOrders(
  turn: Turn,
  { account, session }: Command<"cancel-session-orders">,
): Decision<CommandResult<"cancel-session-orders">> {
  const { state } = turn;
  if (!state.accounts.has(account)) return unknownAccount(account);
  const cancelled = cancelWhere(
    turn,
    account,
    "session_ended",
    (order) => state.terms.get(order.number)?.session === session,
  );
  return accept({ cancelled });
}

/** Cancels the account's orders that fit, oldest first; an account has no more than the policy says. */
export function cancelWhere(
  turn: Turn,
  account: number,
  reason: ClosureReason,
  fits: (order: Order) => boolean,
): number {
  const open = [...accountOf(turn.state, account).openOrders].sort((a, b) => a - b);
  let cancelled = 0;
  for (const number of open) {
    const order = turn.state.orders.get(number);
    if (order === undefined || !fits(order)) continue;
    closeOrder(turn, order, "cancelled", reason);
    cancelled += 1;
  }
  return cancelled;
}

function unknownAccount(account: number) {
  return reject("account-not-found", `account ${account} does not exist`);
}
