/** The naive market's rules of Trading and Consumption: transfers, splits of Lots, sweeps. */
import type { Command } from "#exchange/core/commands.ts";
import { clockMs, stoppedMs, stops } from "./halts.fixture.ts";
import { mustCloseOut } from "./lots.fixture.ts";
import * as m from "./market.fixture.ts";
import { quantityProblem } from "./supply.fixture.ts";

type Model = m.Model;

const GRID_MS = 4 * 3_600_000;
export const nextGridMs = (ms: number): number => Math.floor(ms / GRID_MS) * GRID_MS + GRID_MS;

/** Cuts tokens off a Lot; the bond goes by value. Returns the new Lot, which is like the old one. */
export function cut(model: Model, lot: m.ModelLot, tokens: number): m.ModelLot {
  const { incrementTokens } = m.instrumentOf(model, lot.symbol);
  const value = m.worth(model, lot.symbol, lot.ticks, tokens / incrementTokens);
  const owed = lot.value - lot.paid;
  const margin = (lot.margin * value) / owed;
  lot.margin = m.smaller(lot.margin - margin, m.shareUp(owed - value, lot.share));
  lot.value -= value;
  lot.tokens -= tokens;
  model.counts.lot += 1;
  const part = {
    ...lot,
    number: model.counts.lot,
    tokens,
    value,
    margin,
    used: 0,
    paid: 0n,
    draws: [],
  };
  model.lots.push(part);
  return part;
}

/** Takes whole free increments from Lots in their order; null when there are not enough. */
export function wholeParts(model: Model, lots: m.ModelLot[], wanted: number) {
  const parts: { lot: m.ModelLot; tokens: number }[] = [];
  let missing = wanted;
  for (const lot of lots) {
    const { incrementTokens } = m.instrumentOf(model, lot.symbol);
    const free = Math.floor(m.freeTokens(model, lot) / incrementTokens) * incrementTokens;
    const tokens = Math.min(missing, free);
    if (tokens > 0) parts.push({ lot, tokens });
    missing -= tokens;
  }
  return missing > 0 ? null : parts;
}

const lotsOf = (model: Model, account: number, symbol: string) =>
  model.lots.filter((lot) => lot.owner === account && lot.symbol === symbol);

/** Whole Lots of so many tokens, cut where one is needed in part; null when there are not enough. */
function separated(model: Model, lots: m.ModelLot[], tokens: number): m.ModelLot[] | null {
  const parts = wholeParts(model, lots, tokens);
  if (parts === null) return null;
  return parts.map((part) => {
    if (part.tokens === part.lot.tokens) return part.lot;
    model.tally.add(`state: Lot split${part.lot.used > 0 ? " that was used" : ""}`);
    return cut(model, part.lot, part.tokens);
  });
}

export function toConsumption(
  model: Model,
  command: Command<"transfer-to-consumption">,
): m.Outcome {
  const problem = quantityProblem(model, command);
  if (problem !== null) return problem;
  const { account, symbol, quantity } = command;
  const waiting = lotsOf(model, account, symbol)
    .filter((lot) => lot.tradingMs !== null)
    .sort((a, b) => a.boughtMs - b.boughtMs || a.number - b.number);
  const tokens = m.tokensOf(model, symbol, quantity);
  const lots = separated(model, waiting, tokens);
  if (lots === null) return m.refused("insufficient-units");
  enter(model, lots, model.nowMs, model.nowMs + model.policy.lotLifetimeMs);
  model.counts.transfer += 1;
  return m.accepted({ transfer: model.counts.transfer, tokens });
}

export function toTrading(model: Model, command: Command<"transfer-to-trading">): m.Outcome {
  const problem = quantityProblem(model, command);
  if (problem !== null) return problem;
  const { account, symbol, quantity } = command;
  if (m.accountOf(model, account).mode === "easy") return m.refused("auto-mode-trading-restricted");
  const drawable = lotsOf(model, account, symbol)
    .filter((lot) => lot.tradingMs === null && lot.expiresMs > clockMs(model, symbol))
    .filter((lot) => !mustCloseOut(model, lot.supplier, model.nowMs))
    .sort((a, b) => b.expiresMs - a.expiresMs || a.number - b.number);
  const tokens = m.tokensOf(model, symbol, quantity);
  const lots = separated(model, drawable, tokens);
  if (lots === null) return m.refused("insufficient-units");
  for (const lot of lots) lot.tradingMs = model.nowMs;
  model.counts.transfer += 1;
  return m.accepted({ transfer: model.counts.transfer, tokens });
}

/** The first entry fixes the expiry; a Lot that comes again keeps it. */
function enter(model: Model, lots: m.ModelLot[], enteredMs: number, expiresMs: number): void {
  for (const lot of lots) {
    lot.tradingMs = null;
    if (lot.enteredMs !== null) model.tally.add("state: Lot entered Consumption again");
    else Object.assign(lot, { enteredMs, expiresMs });
  }
}

/** Where Units enter at once from now on: those that wait and are on no order do so too. */
export function enterAtOnce(model: Model, account: number): void {
  for (const { symbol } of model.instruments) {
    const waiting = lotsOf(model, account, symbol).filter(
      (lot) => lot.tradingMs !== null && m.freeTokens(model, lot) === lot.tokens,
    );
    if (waiting.length === 0) continue;
    model.tally.add("state: Lots entered with the setting");
    model.counts.transfer += 1;
    enter(model, waiting, model.nowMs, model.nowMs + model.policy.lotLifetimeMs);
  }
}

/** Accounts whose Lots in Trading reach a point of the grid. */
export function dueSweeps(model: Model) {
  return model.lots
    .filter((lot) => lot.tradingMs !== null)
    .map((lot) => {
      const atMs = nextGridMs(lot.tradingMs ?? 0);
      return { atMs, rank: -2, id: lot.owner, run: () => sweep(model, lot.owner, atMs) };
    });
}

function sweep(model: Model, account: number, gridMs: number): void {
  for (const { symbol } of model.instruments) {
    const due = lotsOf(model, account, symbol).filter(
      (lot) => lot.tradingMs !== null && lot.tradingMs < gridMs,
    );
    if (due.length === 0) continue;
    const toMs = Math.max(gridMs, clockMs(model, symbol));
    const lateMs = stoppedMs(stops(model, symbol), gridMs, toMs);
    for (const order of model.orders) {
      if (order.account !== account || order.symbol !== symbol || order.lots.length === 0) continue;
      model.tally.add("state: ask swept");
      model.orders = model.orders.filter((each) => each !== order);
    }
    model.tally.add(`state: swept${lateMs > 0 ? " after an outage" : ""}`);
    model.counts.transfer += 1;
    enter(model, due, gridMs, gridMs + model.policy.lotLifetimeMs + lateMs);
  }
}
