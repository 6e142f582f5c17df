/** Deciding on nodes: enrolment, links coming and going, and what that does to a supplier's asks. */
import { asksServedBy, mayReturn, suspendOrders } from "#exchange/core/clearing/offers.ts";
import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { closeOrder } from "#exchange/core/market/closing.ts";
import { executeOrder, planOrder } from "#exchange/core/market/matching.ts";
import { reject } from "#exchange/core/rejections.ts";
import { accept, type Decision, policyOf, type Turn } from "#exchange/core/turn.ts";
import { canServe, isLinked } from "./capacity.ts";
import { enforceCapacity } from "./issuance.ts";

export function enrolNode(
  turn: Turn,
  command: Command<"enrol-node">,
): Decision<CommandResult<"enrol-node">> {
  const { tokenHash, publicKey, name } = command;
  if (turn.state.nodesByKey.has(publicKey)) {
    return reject(
      "node-key-exists",
      "a node with this key is enrolled already; link without a token",
    );
  }
  const token = turn.state.joinTokens.get(tokenHash);
  if (token === undefined || token.nodesLeft < 1 || token.expiresAtMs <= turn.nowMs) {
    return reject(
      "join-token-invalid",
      "the join token is unknown, used up or expired; ask the exchange's operator for a new one",
    );
  }
  const node = turn.state.counters.node + 1;
  turn.emit({
    type: "node-enrolled",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    node,
    account: token.account,
    name,
    publicKey,
    tokenHash,
  });
  return accept({ node, account: token.account });
}

export function connectNode(
  turn: Turn,
  command: Command<"connect-node">,
): Decision<CommandResult<"connect-node">> {
  const node = turn.state.nodes.get(command.node);
  if (node === undefined) return reject("node-not-found", `node ${command.node} is not enrolled`);
  const unknown = command.supplies.find((supply) => !turn.state.instruments.has(supply.symbol));
  if (unknown !== undefined) {
    return reject("instrument-not-found", `no instrument "${unknown.symbol}"`);
  }
  const { account } = node;
  const wasLinked = isLinked(turn.state, account);
  const symbols = new Set([...node.supplies, ...command.supplies].map((supply) => supply.symbol));
  turn.emit({
    type: "node-connected",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    node: command.node,
    session: command.session,
    slots: command.slots,
    supplies: command.supplies.map(({ symbol, capacityTokens }) => ({ symbol, capacityTokens })),
  });
  if (!wasLinked) {
    turn.emit({
      type: "supplier-back",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      account,
    });
  }
  for (const symbol of symbols) {
    if (canServe(turn.state, account, symbol)) takeUpAsks(turn, account, symbol);
    else suspendAsks(turn, account, symbol);
  }
  return accept({ account });
}

/** The supplier serves the instrument again, as much of it as it may: its asks come back. */
export function takeUpAsks(turn: Turn, account: number, symbol: string): void {
  if (!canServe(turn.state, account, symbol)) return;
  enforceCapacity(turn, account, symbol, "capacity_fell");
  resumeAsks(turn, account, symbol);
}

export function disconnectNode(
  turn: Turn,
  command: Command<"disconnect-node">,
): Decision<CommandResult<"disconnect-node">> {
  const node = turn.state.nodes.get(command.node);
  // A newer session took over: the old one's end changes nothing.
  if (node === undefined || node.session !== command.session) return accept({});
  const { account } = node;
  turn.emit({
    type: "node-disconnected",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    node: command.node,
    session: command.session,
    reason: command.reason,
  });
  if (!isLinked(turn.state, account)) markAway(turn, account);
  for (const { symbol } of node.supplies) {
    if (canServe(turn.state, account, symbol)) {
      enforceCapacity(turn, account, symbol, "capacity_fell");
    } else suspendAsks(turn, account, symbol);
  }
  return accept({});
}

/** The supplier's last link is gone: its slots run against it and a grace period starts. */
export function markAway(turn: Turn, account: number): void {
  const graceEndsAtMs = turn.nowMs + policyOf(turn.state).supplierGraceMs;
  turn.emit({
    type: "supplier-away",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    graceEndsAtMs,
  });
}

/** Takes the asks out of the book in this same turn: nothing unservable can be bought. */
export function suspendAsks(turn: Turn, account: number, symbol: string): void {
  const asks = asksServedBy(turn.state, account, symbol);
  suspendOrders(
    turn,
    asks.filter(({ status }) => status === "open"),
  );
}

function resumeAsks(turn: Turn, account: number, symbol: string): void {
  const suspended = asksServedBy(turn.state, account, symbol)
    .filter((order) => order.status === "suspended")
    .map((order) => order.number);
  for (const number of suspended) {
    // One that came back before it may have traded, and that may have ended others.
    const order = turn.state.orders.get(number);
    if (order === undefined || order.status !== "suspended") continue;
    if (!mayReturn(turn.state, order, turn.nowMs)) continue;
    turn.emit({
      type: "orders-resumed",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      account: order.account,
      symbol,
      orders: [order.number],
    });
    executeOrder(turn, order, planOrder(turn, order));
  }
}

/** Grace is over: asks that still cannot be served are cancelled and their Units burned. */
export function endGrace(turn: Turn, account: number): void {
  turn.emit({
    type: "supplier-grace-ended",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
  });
  const symbols = new Set<string>();
  for (const supply of turn.state.supplies.values()) {
    if (supply.account === account) symbols.add(supply.symbol);
  }
  // By name: a restored state has its rows in another order than one that was lived.
  for (const symbol of [...symbols].sort()) {
    if (canServe(turn.state, account, symbol)) continue;
    for (const order of asksServedBy(turn.state, account, symbol)) {
      if (order.status === "suspended") closeOrder(turn, order, "cancelled", "supplier_away");
    }
    enforceCapacity(turn, account, symbol, "supplier_away");
  }
}
