/** Deciding on issuance: Units exist only against measured capacity, and are burned when it falls. */

import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { closeOrder } from "#exchange/core/market/closing.ts";
import { reject } from "#exchange/core/rejections.ts";
import { standingOf, suspendedUntilMs } from "#exchange/core/sla/standing.ts";
import type { ClosureReason, Order } from "#exchange/core/state.ts";
import { accept, accountOf, type Decision, type Turn } from "#exchange/core/turn.ts";
import { tokensOf } from "#protocol/instrument.ts";
import { formatMicros, formatUnits } from "#protocol/money.ts";
import { canServe, issuanceLimitTokens, outstandingTokens, supplyOf } from "./capacity.ts";

/** Why the supplier may not issue that many more tokens, or null when it may. */
export function issuanceProblem(
  turn: Turn,
  account: number,
  symbol: string,
  tokens: bigint,
): ReturnType<typeof reject> | null {
  const suspended = suspensionProblem(turn, account, symbol);
  if (suspended !== null) return suspended;
  const limit = issuanceLimitTokens(turn.state, account, symbol);
  const outstanding = outstandingTokens(turn.state, account, symbol);
  if (outstanding + tokens <= limit) return null;
  const left = limit > outstanding ? limit - outstanding : 0n;
  return reject(
    "capacity-exceeded",
    `issuing ${formatUnits(tokens)} Units of ${symbol} is more than the ${formatUnits(left)} that the measured capacity of the linked nodes still allows; link a node or offer less`,
    { requested: formatUnits(tokens), allowed: formatUnits(left) },
  );
}

function suspensionProblem(
  turn: Turn,
  account: number,
  symbol: string,
): ReturnType<typeof reject> | null {
  const untilMs = suspendedUntilMs(turn.state, account, symbol);
  if (untilMs === null) return null;
  return reject(
    "supplier-suspended",
    `you are suspended from selling ${symbol} until ${new Date(untilMs).toISOString()}; Lots that you owe are still served`,
  );
}

/**
 * Why the supplier may not offer Units, `missing` of which it would have to issue first, or null when
 * it may. Without a link an ask would rest in the book that nobody could be served from.
 */
export function offerProblem(
  turn: Turn,
  account: number,
  symbol: string,
  missing: bigint,
): ReturnType<typeof reject> | null {
  const debt = -turn.state.ledger.balance(turn.state.ledger.names.owed(account));
  if (debt > 0n) {
    return reject(
      "insufficient-bond",
      `${formatMicros(debt)} USD are owed since your bond could not pay a charge; deposit that much bond, then place the ask`,
      { owed: formatMicros(debt) },
    );
  }
  const problem =
    missing > 0n
      ? issuanceProblem(turn, account, symbol, missing)
      : suspensionProblem(turn, account, symbol);
  if (problem !== null || canServe(turn.state, account, symbol)) return problem;
  const breaker = standingOf(turn.state, account, symbol)?.breaker;
  if (breaker?.phase === "open") {
    return reject(
      "supplier-paused",
      `your last deliveries of ${symbol} failed one after another; asks are taken again from ${new Date(breaker.halfOpensAtMs).toISOString()}`,
    );
  }
  return reject(
    "node-not-connected",
    `no linked node of yours serves ${symbol}; link one, then place the ask`,
  );
}

/** Emits the issue of tokens that were checked before. */
export function emitIssue(
  turn: Turn,
  account: number,
  symbol: string,
  tokens: bigint,
  toTrading: boolean,
): number {
  const issuance = turn.state.counters.issuance + 1;
  const { issuer, issued } = turn.state.ledger.names.supply(account, symbol);
  turn.emit({
    type: "supply-issued",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    issuance,
    account,
    symbol,
    tokens: Number(tokens),
    toTrading,
    postings: [{ kind: "move", from: issuer, to: issued, amount: tokens }],
  });
  return issuance;
}

export function issueSupply(
  turn: Turn,
  command: Command<"issue-supply">,
): Decision<CommandResult<"issue-supply">> {
  const { account, symbol, quantity } = command;
  const checked = checkQuantity(turn, account, symbol, quantity);
  if (!checked.ok) return checked;
  const problem = issuanceProblem(turn, account, symbol, BigInt(checked.result));
  if (problem !== null) return problem;
  const issuance = emitIssue(turn, account, symbol, BigInt(checked.result), false);
  return accept({ issuance, issuedTokens: checked.result });
}

export function transferIssued(
  turn: Turn,
  command: Command<"transfer-issued">,
): Decision<CommandResult<"transfer-issued">> {
  const { account, symbol, quantity } = command;
  const checked = checkQuantity(turn, account, symbol, quantity);
  if (!checked.ok) return checked;
  const held = supplyOf(turn.state, account, symbol).inIssuanceTokens;
  if (held < checked.result) {
    return reject(
      "insufficient-units",
      `the issuance account has ${formatUnits(held)} Units of ${symbol}, ${formatUnits(checked.result)} were asked for`,
    );
  }
  const transfer = turn.state.counters.transfer + 1;
  turn.emit({
    type: "supply-transferred",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    transfer,
    account,
    symbol,
    tokens: checked.result,
  });
  return accept({ transfer });
}

/** Of Units that are issued or moved by hand, in tokens. */
export function checkQuantity(
  turn: Turn,
  account: number,
  symbol: string,
  quantity: number,
): Decision<number> {
  if (!turn.state.accounts.has(account)) {
    return reject("account-not-found", `account ${account} does not exist`);
  }
  const listed = turn.state.instruments.get(symbol);
  if (listed === undefined) return reject("instrument-not-found", `no instrument "${symbol}"`);
  const max = listed.instrument.orderIncrementsMax;
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > max) {
    return reject("invalid-quantity", `quantity of ${quantity} increments, expected 1 to ${max}`);
  }
  return accept(tokensOf(listed.instrument, quantity));
}

/** Brings issued Units back within capacity: newest asks are cancelled, unsold Units burned. Lots are never cut. */
export function enforceCapacity(
  turn: Turn,
  account: number,
  symbol: string,
  reason: ClosureReason,
): void {
  const limit = issuanceLimitTokens(turn.state, account, symbol);
  const excess = outstandingTokens(turn.state, account, symbol) - limit;
  if (excess <= 0n) return;
  const { issuer, issued: unsold } = turn.state.ledger.names.supply(account, symbol);
  const newestFirst = asksOf(turn, account, symbol).sort((a, b) => b.number - a.number);
  for (const ask of newestFirst) {
    if (turn.state.ledger.free(unsold) >= excess) break;
    closeOrder(turn, ask, "cancelled", reason);
  }
  const free = turn.state.ledger.free(unsold);
  const burned = free < excess ? free : excess;
  if (burned <= 0n) return;
  turn.emit({
    type: "supply-burned",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    symbol,
    tokens: Number(burned),
    postings: [{ kind: "move", from: unsold, to: issuer, amount: burned }],
  });
}

/** The supplier's open or suspended asks of Units that it issued. */
export function asksOf(turn: Turn, account: number, symbol: string): Order[] {
  const asks: Order[] = [];
  for (const number of accountOf(turn.state, account).openOrders) {
    const order = turn.state.orders.get(number);
    if (order?.side !== "sell" || order.symbol !== symbol || order.lots.length > 0) continue;
    asks.push(order);
  }
  return asks;
}
