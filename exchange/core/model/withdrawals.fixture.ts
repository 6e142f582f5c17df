/** The naive market's rules of money that leaves: set aside, then paid out or given back. */
import type { Command } from "#exchange/core/commands.ts";
import { WITHDRAWAL_KEPT_MS } from "#exchange/core/policy.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import * as m from "./market.fixture.ts";

type Model = m.Model;

export function request(model: Model, command: Command<"request-withdrawal">): m.Outcome {
  const { account, amountMicros: amount, from, reference } = command;
  const owner = model.accounts.find((each) => each.number === account);
  if (owner === undefined) return m.refused("account-not-found");
  const content = ["withdrawal", account, from, amount].join(" ");
  const known = model.references.get(reference);
  if (known !== undefined) {
    const open = model.withdrawals.find((each) => each.reference === reference);
    if (open === undefined || known.content !== content) return m.refused("reference-reused");
    model.tally.add("state: withdrawal asked for again");
    return m.accepted({ withdrawal: open.number });
  }
  const codes: RejectionCode[] = [];
  if (amount <= 0n) codes.push("invalid-amount");
  const free = from === "bond" ? m.freeBond(model, account) : m.freeMoney(model, account);
  if (amount > free || (from === "bond" && owner.debt > 0n)) codes.push("insufficient-balance");
  if (codes.length > 0) return m.refused(...codes);
  model.counts.withdrawal += 1;
  const { withdrawal: number } = model.counts;
  const endsMs = model.nowMs + (model.policy.withdrawalKeptMs ?? WITHDRAWAL_KEPT_MS);
  model.withdrawals.push({ number, account, from, amount, reference, endsMs });
  model.references.set(reference, { content, atMs: model.nowMs });
  return m.accepted({ withdrawal: number });
}

function take(model: Model, number: number) {
  const open = model.withdrawals.find((each) => each.number === number);
  model.withdrawals = model.withdrawals.filter((each) => each !== open);
  return open;
}

export function complete(model: Model, command: Command<"complete-withdrawal">): m.Outcome {
  const open = take(model, command.withdrawal);
  if (open === undefined) return m.refused("withdrawal-not-found");
  m.accountOf(model, open.account)[open.from] -= open.amount;
  model.deposited -= open.amount;
  return m.accepted({ amountMicros: `${open.amount}` });
}

export function refuse(model: Model, command: Command<"reject-withdrawal">): m.Outcome {
  const open = take(model, command.withdrawal);
  if (open === undefined) return m.refused("withdrawal-not-found");
  return m.accepted({ amountMicros: `${open.amount}` });
}

/** Those that nobody decided on in time. */
export const dueWithdrawals = (model: Model) =>
  model.withdrawals.map(({ number, endsMs }) => ({
    ...{ atMs: endsMs, rank: 1.5, id: number },
    run: () => {
      model.tally.add("state: withdrawal expired");
      take(model, number);
    },
  }));
