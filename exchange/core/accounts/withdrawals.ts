/**
 * Money out, in two phases: a request sets it aside, the operator completes it when it has paid or
 * rejects it. One that is neither in time is given back by itself.
 */
import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { EXCHANGE_ACCOUNT, WORLD, withdrawalHold } from "#exchange/core/ledger/account-names.ts";
import { WITHDRAWAL_KEPT_MS } from "#exchange/core/policy.ts";
import { reject } from "#exchange/core/rejections.ts";
import { accept, type Decision, policyOf, type Turn } from "#exchange/core/turn.ts";
import { formatMicros } from "#protocol/money.ts";

/** Where money of an account is taken from: what it can spend, or bond that backs nothing. */
export type WithdrawalSource = "available" | "bond";

/** One that is neither completed nor rejected yet. */
export interface Withdrawal {
  number: number;
  account: number;
  amountMicros: bigint;
  from: WithdrawalSource;
  reference: string;
  requestedAtMs: number;
  expiresAtMs: number;
}

/** Why an open withdrawal ended without being paid, when nobody said so. */
export const EXPIRED = "expired";

/** Sets money aside. The same reference with the same content is answered again while it is open. */
export function requestWithdrawal(
  turn: Turn,
  command: Command<"request-withdrawal">,
): Decision<CommandResult<"request-withdrawal">> {
  const { state, nowMs } = turn;
  const { account, amountMicros, from, reference } = command;
  if (account === EXCHANGE_ACCOUNT || !state.accounts.has(account)) {
    return reject("account-not-found", `account ${account} does not exist`);
  }
  const digest = `withdrawal|${account}|${from}|${amountMicros}`;
  const known = state.references.get(reference);
  if (known !== undefined) {
    const open = [...state.withdrawals.values()].find((each) => each.reference === reference);
    if (known.digest === digest && open !== undefined) return accept({ withdrawal: open.number });
    return reject(
      "reference-reused",
      `reference "${reference}" belongs to another transfer; choose a new one`,
    );
  }
  const { names } = state.ledger;
  const source = from === "bond" ? names.bond(account) : names.available(account);
  const free = state.ledger.free(source);
  if (amountMicros <= 0n) {
    return reject("invalid-amount", `amount ${formatMicros(amountMicros)}, expected more than 0`);
  }
  const isOwing = from === "bond" && state.ledger.balance(names.owed(account)) < 0n;
  if (amountMicros > free || isOwing) {
    return reject(
      "insufficient-balance",
      `${formatMicros(isOwing ? 0n : free)} USD can be withdrawn, ${formatMicros(amountMicros)} were asked for; cancel orders that hold some, or ask for less`,
      { required: formatMicros(amountMicros), available: formatMicros(isOwing ? 0n : free) },
    );
  }
  const withdrawal = state.counters.withdrawal + 1;
  turn.emit({
    type: "withdrawal-requested",
    version: 1,
    seq: turn.nextSeq(),
    atMs: nowMs,
    withdrawal,
    account,
    amountMicros,
    from,
    reference,
    digest,
    expiresAtMs: nowMs + (policyOf(state).withdrawalKeptMs ?? WITHDRAWAL_KEPT_MS),
    postings: [
      {
        kind: "hold",
        hold: withdrawalHold(withdrawal, account, from),
        from: source,
        amount: amountMicros,
      },
    ],
  });
  return accept({ withdrawal });
}

/** The money has left: what was set aside is paid out. */
export function completeWithdrawal(
  turn: Turn,
  command: Command<"complete-withdrawal">,
): Decision<CommandResult<"complete-withdrawal">> {
  const open = turn.state.withdrawals.get(command.withdrawal);
  if (open === undefined) return notOpen(command.withdrawal);
  const { number, account, amountMicros, from } = open;
  turn.emit({
    type: "withdrawal-completed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    withdrawal: number,
    postings: [
      {
        kind: "post",
        hold: withdrawalHold(number, account, from),
        to: WORLD,
        amount: amountMicros,
      },
    ],
  });
  return accept({ amountMicros: amountMicros.toString() });
}

export function rejectWithdrawal(
  turn: Turn,
  { withdrawal, reason }: Command<"reject-withdrawal">,
): Decision<CommandResult<"reject-withdrawal">> {
  const open = turn.state.withdrawals.get(withdrawal);
  if (open === undefined) return notOpen(withdrawal);
  emitRejected(turn, open, reason);
  return accept({ amountMicros: open.amountMicros.toString() });
}

/** Gives what was set aside back to the account. */
export function emitRejected(turn: Turn, open: Withdrawal, reason: string): void {
  const { number, account, amountMicros, from } = open;
  const hold = withdrawalHold(number, account, from);
  turn.emit({
    type: "withdrawal-rejected",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    withdrawal: number,
    reason,
    postings: [{ kind: "void", hold, amount: amountMicros }],
  });
}

function notOpen(withdrawal: number): ReturnType<typeof reject> {
  return reject("withdrawal-not-found", `withdrawal ${withdrawal} is not open`);
}
