/** The naive market's rules of supply: links that come and go, capacity, issuance, restarts. */
import type { Command } from "#exchange/core/commands.ts";
import { cutToCapacity } from "./capacity.fixture.ts";
import { giveBack } from "./delivery-ends.fixture.ts";
import { noteIdle } from "./health.fixture.ts";
import * as m from "./market.fixture.ts";
import { issue } from "./orders.fixture.ts";
import { close, enter } from "./trading.fixture.ts";

type Model = m.Model;

/** Nothing unservable can be bought: such asks leave the book, and lose their place. */
function suspendUnservable(model: Model, account: number): void {
  for (const order of model.orders) {
    if (order.side !== "sell" || !m.serversOf(model, order).includes(account)) continue;
    if (order.stage !== "open" || m.canServe(model, account, order.symbol)) continue;
    model.tally.add(`state: ask suspended${order.lots.length > 0 ? " for who owes its Lots" : ""}`);
    order.stage = "suspended";
    order.arrival = null;
  }
}

/** Asks of a supplier that is back enter again, oldest first, like new ones. */
function resumeAsks(model: Model, account: number, symbol: string): void {
  const asks = m
    .asksServedBy(model, account)
    .filter((ask) => ask.stage === "suspended" && ask.symbol === symbol);
  for (const ask of asks) {
    const isBack = (server: number) => m.isInGoodStanding(model, server, symbol);
    if (ask.lots.length > 0 && !m.serversOf(model, ask).every(isBack)) {
      model.tally.add("state: ask stays away for another supplier");
      continue;
    }
    if (!model.orders.includes(ask) || ask.stage !== "suspended") continue;
    model.tally.add("state: ask came back");
    ask.stage = "open";
    enter(model, ask);
  }
}

export function connect(model: Model, command: Command<"connect-node">): m.Outcome {
  const node = model.nodes.find((n) => n.number === command.node);
  if (node === undefined) return m.refused("node-not-found");
  const known = (symbol: string) => model.instruments.some((i) => i.symbol === symbol);
  if (!command.supplies.every((s) => known(s.symbol))) return m.refused("instrument-not-found");
  const { account } = node;
  const symbols = new Set([...node.supplies, ...command.supplies].map((s) => s.symbol));
  if (!m.isLinked(model, account)) {
    const since = model.away.find((a) => a.account === account && a.toMs === null);
    if (since !== undefined) since.toMs = model.nowMs;
    model.graces = model.graces.filter((grace) => grace.account !== account);
  }
  node.session = command.session;
  node.supplies = command.supplies;
  noteIdle(model, account);
  for (const symbol of symbols) {
    if (!m.canServe(model, account, symbol)) continue;
    cutToCapacity(model, account, symbol);
    resumeAsks(model, account, symbol);
  }
  suspendUnservable(model, account);
  return m.accepted({ account });
}

export function disconnect(model: Model, command: Command<"disconnect-node">): m.Outcome {
  const node = model.nodes.find((n) => n.number === command.node);
  if (node === undefined || node.session !== command.session) {
    model.tally.add("state: a session that is over ended again");
    return m.accepted();
  }
  node.session = null;
  const { account } = node;
  noteIdle(model, account);
  if (!m.isLinked(model, account)) goAway(model, account, command.reason === DRAIN);
  for (const { symbol } of node.supplies) {
    if (m.canServe(model, account, symbol)) cutToCapacity(model, account, symbol);
  }
  suspendUnservable(model, account);
  return m.accepted();
}

/** Why a link ends that was announced to end. */
const DRAIN = "drain";

function goAway(model: Model, account: number, drained: boolean): void {
  model.away.push({ account, fromMs: model.nowMs, toMs: null, drained, doneMs: 0 });
  model.graces.push({ account, endsMs: model.nowMs + model.policy.supplierGraceMs });
}

/** The supplier did not come back in time: its asks end and its Units are burned. */
export function endGrace(model: Model, account: number): void {
  model.graces = model.graces.filter((grace) => grace.account !== account);
  for (const { symbol } of model.instruments) {
    if (m.canServe(model, account, symbol)) continue;
    for (const ask of m.asksServedBy(model, account)) {
      if (ask.symbol !== symbol || ask.stage !== "suspended") continue;
      model.tally.add("state: ask ended with its grace");
      close(model, ask);
    }
    cutToCapacity(model, account, symbol);
  }
}

type Moved = "issue-supply" | "transfer-issued" | "transfer-to-consumption" | "transfer-to-trading";
export function quantityProblem(model: Model, command: Command<Moved>) {
  const { account, symbol, quantity } = command;
  if (!model.accounts.some((a) => a.number === account)) return m.refused("account-not-found");
  const instrument = model.instruments.find((i) => i.symbol === symbol);
  if (instrument === undefined) return m.refused("instrument-not-found");
  const isFine =
    Number.isInteger(quantity) && quantity >= 1 && quantity <= instrument.orderIncrementsMax;
  return isFine ? null : m.refused("invalid-quantity");
}

export function issueUnits(model: Model, command: Command<"issue-supply">): m.Outcome {
  const problem = quantityProblem(model, command);
  if (problem !== null) return problem;
  const { account, symbol, quantity } = command;
  const supply = m.supplyOf(model, account, symbol);
  const tokens = m.tokensOf(model, symbol, quantity);
  const after = supply.unsold + m.owedBy(model, account, symbol) + tokens;
  if (after > m.issuanceLimit(model, account, symbol)) return m.refused("capacity-exceeded");
  supply.inIssuance += tokens;
  return m.accepted({ issuance: issue(model, account, symbol, tokens), issuedTokens: tokens });
}

export function transferUnits(model: Model, command: Command<"transfer-issued">): m.Outcome {
  const problem = quantityProblem(model, command);
  if (problem !== null) return problem;
  const supply = m.supplyOf(model, command.account, command.symbol);
  const tokens = m.tokensOf(model, command.symbol, command.quantity);
  if (tokens > supply.inIssuance) return m.refused("insufficient-units");
  supply.inIssuance -= tokens;
  model.counts.transfer += 1;
  return m.accepted({ transfer: model.counts.transfer });
}

/** The exchange was away: that time counts for nobody, deliveries in flight cost nothing. */
export function resume(model: Model, command: Command<"resume">): m.Outcome {
  const fromMs = Math.min(command.lastSeenMs, model.nowMs);
  const wasLinked = model.accounts.filter((a) => m.isLinked(model, a.number));
  for (const node of model.nodes) node.session = null;
  for (const { account } of model.nodes) noteIdle(model, account);
  if (fromMs < model.nowMs) {
    model.outages.push({ fromMs, toMs: model.nowMs });
    for (const lot of model.lots) lot.expiresMs += model.nowMs - fromMs;
    if (model.lots.length > 0) model.tally.add("state: Lot tolled");
  }
  const interrupted = [...model.deliveries];
  for (const delivery of interrupted) giveBack(model, delivery, null);
  for (const { number } of wasLinked) {
    goAway(model, number, false);
    suspendUnservable(model, number);
  }
  return m.accepted({ releasedDeliveries: interrupted.length });
}
