/** The naive market's rules of selling bought Units on. */
import type { PlaceOrder } from "#exchange/core/commands.ts";
import * as m from "./market.fixture.ts";
import { cut, nextGridMs, wholeParts } from "./transfers.fixture.ts";

type Model = m.Model;

/** Where a new Lot is: in Consumption at once, or in Trading until it is swept. */
export function firstPlace(model: Model, owner: number) {
  if (!m.accountOf(model, owner).atOnce) {
    return { tradingMs: model.nowMs, enteredMs: null, expiresMs: m.NEVER_MS };
  }
  const expiresMs = model.nowMs + model.policy.lotLifetimeMs;
  return { tradingMs: null, enteredMs: model.nowMs, expiresMs };
}

/** Lots an ask may take, in its order; null when it sells what was issued. */
function forSale(model: Model, order: PlaceOrder): m.ModelLot[] | null {
  const { account, symbol } = order;
  const waiting = model.lots.filter(
    (lot) => lot.owner === account && lot.symbol === symbol && lot.tradingMs !== null,
  );
  const { unsold, inIssuance } = m.supplyOf(model, account, symbol);
  const sellable = unsold - inIssuance - m.onOffer(model, account, symbol);
  if (order.issueMissing || waiting.length === 0 || sellable > 0) return null;
  const lots = waiting
    .filter((lot) => nextGridMs(lot.tradingMs ?? 0) > model.nowMs)
    .filter((lot) => lot.expiresMs >= nextGridMs(model.nowMs))
    .filter((lot) => m.isInGoodStanding(model, lot.supplier, symbol));
  if (waiting.length > lots.length) model.tally.add("state: Lot not fit to be sold on");
  return lots.sort(
    (a, b) => (a.expiresMs === b.expiresMs ? 0 : b.expiresMs - a.expiresMs) || a.number - b.number,
  );
}

/** Whole increments of bought Units that are free; null when it sells what was issued. */
export function lotIncrements(model: Model, order: PlaceOrder): number | null {
  const { incrementTokens } = m.instrumentOf(model, order.symbol);
  const lots = forSale(model, order);
  if (lots === null) return null;
  return m.count(lots.map((lot) => Math.floor(m.freeTokens(model, lot) / incrementTokens)));
}

/** The Lots a sell order takes, null when they are too few; "issued" when it sells what was issued. */
export function lotsFor(model: Model, order: PlaceOrder): m.ModelOrder["lots"] | "issued" | null {
  const lots = forSale(model, order);
  if (lots === null) return "issued";
  const { incrementTokens } = m.instrumentOf(model, order.symbol);
  const parts = wholeParts(model, lots, order.quantity * incrementTokens);
  if (parts === null) return null;
  if (new Set(parts.map(({ lot }) => lot.supplier)).size > 1) {
    model.tally.add("state: ask on Lots of several suppliers");
  }
  return parts.map(({ lot, tokens }) => ({
    lot: lot.number,
    quantity: tokens / incrementTokens,
  }));
}

/** Hands over parts of Lots; who owed one itself owes it no more, and has what was paid for it. */
export function sellOn(
  model: Model,
  ask: m.ModelOrder,
  buyer: number,
  quantity: number,
  ticks: number,
): void {
  let wanted = quantity;
  for (const offered of [...ask.lots]) {
    const taken = Math.min(wanted, offered.quantity);
    wanted -= taken;
    if (taken === 0) continue;
    const lot = m.the(model.lots, (each) => each.number === offered.lot);
    const part = cut(model, lot, m.tokensOf(model, lot.symbol, taken));
    offered.quantity -= taken;
    if (lot.tokens === 0) model.lots = model.lots.filter((each) => each !== lot);
    if (part.supplier === buyer) {
      model.tally.add("state: Lot bought back by its supplier");
      m.accountOf(model, buyer).pending += part.value;
      model.lots = model.lots.filter((each) => each !== part);
      // Its number was never given out.
      model.counts.lot -= 1;
      continue;
    }
    model.tally.add(`state: sold on ${ticks < part.ticks ? "at a loss" : "at its price or more"}`);
    const { tradingMs, enteredMs, expiresMs } = firstPlace(model, buyer);
    Object.assign(part, { owner: buyer, cost: ticks, boughtMs: model.nowMs, tradingMs });
    if (part.enteredMs === null) Object.assign(part, { enteredMs, expiresMs });
  }
  ask.lots = ask.lots.filter((offered) => offered.quantity > 0);
}

/** Nobody is sold, unasked, what has begun to run out or is backed by half its price or less. */
export function isFitForAutoMode(model: Model, ask: m.ModelOrder): boolean {
  return ask.lots.every(({ lot: number }) => {
    const lot = m.the(model.lots, (each) => each.number === number);
    const isBacked = lot.ticks * 10_000 >= ask.ticks * model.policy.sla.fundPriceBpsMin;
    if (lot.enteredMs !== null || !isBacked)
      model.tally.add("state: bought Units unfit for Auto Mode");
    return lot.enteredMs === null && isBacked;
  });
}
