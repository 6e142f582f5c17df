/** Deciding on what the operator configures: instruments and policy. Unchanged ones leave no event. */

import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { Supply } from "#exchange/core/state.ts";
import { canServe } from "#exchange/core/supply/capacity.ts";
import { enforceCapacity } from "#exchange/core/supply/issuance.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";
import { instrumentProblems } from "#protocol/instrument.ts";

export function listInstrument(
  turn: Turn,
  command: Command<"list-instrument">,
): Decision<CommandResult<"list-instrument">> {
  const { instrument } = command;
  const problems = instrumentProblems(instrument);
  if (problems.length > 0) return reject("invalid-order", problems.join("; "));
  const listed = turn.state.instruments.get(instrument.symbol);
  if (listed !== undefined && same(listed.instrument, instrument)) {
    return accept({ symbol: instrument.symbol });
  }
  if (
    listed !== undefined &&
    (listed.instrument.incrementTokens !== instrument.incrementTokens ||
      listed.instrument.tickMicrosPerUnit !== instrument.tickMicrosPerUnit)
  ) {
    return reject(
      "invalid-order",
      `${instrument.symbol}: tick and increment of a listed instrument cannot change; list a new symbol`,
    );
  }
  const number = listed?.number ?? turn.state.counters.instrument + 1;
  turn.emit({
    type: "instrument-listed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    number,
    instrument,
  });
  return accept({ symbol: instrument.symbol });
}

export function adoptPolicy(
  turn: Turn,
  command: Command<"adopt-policy">,
): Decision<CommandResult<"adopt-policy">> {
  const { policy } = command;
  if (turn.state.policy === null || !same(turn.state.policy, policy)) {
    turn.emit({
      type: "policy-adopted",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      policy,
    });
    enforceCapacities(turn);
  }
  return accept({ version: policy.version });
}

/** A policy may let less of the measured capacity be owed than the one before. */
function enforceCapacities(turn: Turn): void {
  // By name: a restored state has its rows in another order than one that was lived.
  for (const [, { account, symbol }] of [...turn.state.supplies].sort(byKey)) {
    if (canServe(turn.state, account, symbol)) {
      enforceCapacity(turn, account, symbol, "capacity_fell");
    }
  }
}

function byKey([a]: [string, Supply], [b]: [string, Supply]): number {
  return a < b ? -1 : 1;
}

function same(a: object, b: object): boolean {
  const sorted = (value: object) =>
    JSON.stringify(Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b);
}
