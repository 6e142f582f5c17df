/**
 * Quote groups: resting orders of one account and instrument whose fills are counted together. When
 * those within the window reach the limit, the rest of the group is cancelled, and nothing joins the
 * group until it is set again. Counted per incoming order: one that sweeps several quotes takes them all.
 */
import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { CoreState, Order } from "#exchange/core/state.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";
import { cancelWhere } from "./cancelling.ts";
import { NAME_LENGTH_MAX } from "./order-terms.ts";

export interface QuoteGroup {
  account: number;
  symbol: string;
  group: string;
  /** Increments that may be filled within the window. */
  quantityMax: number;
  windowMs: number;
  /** It reached its limit and was not set again since. */
  isTripped: boolean;
  /** Of the window so far, oldest first; one row per millisecond. */
  fills: { atMs: number; quantity: number }[];
}

/** Most that one account may have. */
export const QUOTE_GROUPS_PER_ACCOUNT_MAX = 32;
export const GROUP_WINDOW_MS_MAX = 3_600_000;

export const groupKey = (account: number, symbol: string, group: string): string =>
  `${account}:${symbol}:${group}`;

/** The group that an order belongs to, or null. */
export function groupOf(state: CoreState, order: Order): QuoteGroup | null {
  const group = state.terms.get(order.number)?.group ?? null;
  if (group === null) return null;
  return state.groups.get(groupKey(order.account, order.symbol, group)) ?? null;
}

/** Why nothing may join that group now, or null. */
export function groupProblem(
  state: CoreState,
  account: number,
  symbol: string,
  name: string,
): ReturnType<typeof reject> | null {
  const group = state.groups.get(groupKey(account, symbol, name));
  if (group === undefined) {
    return reject("invalid-order", `no quote group "${name}" on ${symbol}; set it first`);
  }
  if (!group.isTripped) return null;
  return reject(
    "quote-group-tripped",
    `quote group "${name}" reached its ${group.quantityMax} increments within ${group.windowMs} ms; set it again to go on`,
  );
}

export function setQuoteGroup(
  turn: Turn,
  command: Command<"set-quote-group">,
): Decision<CommandResult<"set-quote-group">> {
  const { account, symbol, group, quantityMax, windowMs } = command;
  const { state } = turn;
  if (!state.accounts.has(account)) {
    return reject("account-not-found", `account ${account} does not exist`);
  }
  const listed = state.instruments.get(symbol);
  if (listed === undefined) return reject("instrument-not-found", `no instrument "${symbol}"`);
  if (group === "" || group.length > NAME_LENGTH_MAX) {
    return reject("invalid-name", `a group has 1 to ${NAME_LENGTH_MAX} characters`);
  }
  const { orderIncrementsMax } = listed.instrument;
  if (!Number.isInteger(quantityMax) || quantityMax < 1 || quantityMax > orderIncrementsMax) {
    return reject(
      "invalid-quantity",
      `limit of ${quantityMax} increments, expected 1 to ${orderIncrementsMax}`,
    );
  }
  if (!Number.isInteger(windowMs) || windowMs < 1 || windowMs > GROUP_WINDOW_MS_MAX) {
    return reject(
      "invalid-order",
      `window of ${windowMs} ms, expected 1 to ${GROUP_WINDOW_MS_MAX}`,
    );
  }
  if (!state.groups.has(groupKey(account, symbol, group))) {
    let own = 0;
    for (const each of state.groups.values()) if (each.account === account) own += 1;
    if (own >= QUOTE_GROUPS_PER_ACCOUNT_MAX) {
      return reject(
        "invalid-order",
        `the account has ${own} quote groups, at most ${QUOTE_GROUPS_PER_ACCOUNT_MAX}; use one of them`,
      );
    }
  }
  turn.emit({
    type: "quote-group-set",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    symbol,
    group,
    quantityMax,
    windowMs,
  });
  return accept({ group });
}

/** Increments that count at that moment: a fill leaves the window when it is as old as the window is long. */
export function filledInWindow({ fills, windowMs }: QuoteGroup, nowMs: number): number {
  let filled = 0;
  for (const { atMs, quantity } of fills) if (nowMs - atMs < windowMs) filled += quantity;
  return filled;
}

/** Takes a fill in, and forgets what has left the window. */
export function countGroupFill(group: QuoteGroup, quantity: number, atMs: number): void {
  const last = group.fills.at(-1);
  if (last?.atMs === atMs) last.quantity += quantity;
  else group.fills.push({ atMs, quantity });
  while (atMs - (group.fills[0]?.atMs ?? atMs) >= group.windowMs) group.fills.shift();
}

/** Cancels what is left of each of these groups that has reached its limit. */
export function tripGroups(turn: Turn, groups: readonly QuoteGroup[]): void {
  for (const counted of groups) {
    const { account, symbol, group } = counted;
    const filled = filledInWindow(counted, turn.nowMs);
    if (filled < counted.quantityMax || counted.isTripped) continue;
    turn.emit({
      type: "quote-group-tripped",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      account,
      symbol,
      group,
      filled,
    });
    cancelWhere(
      turn,
      account,
      "quote_group_limit",
      (order) => order.symbol === symbol && turn.state.terms.get(order.number)?.group === group,
    );
  }
}
