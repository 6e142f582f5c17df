/** The naive market's rules of who serves: Lots of the buyer, or asks that add up. */
import type { RejectionCode } from "#exchange/core/rejections.ts";
import { tripGroups } from "./groups.fixture.ts";
import { clockMs } from "./halts.fixture.ts";
import * as m from "./market.fixture.ts";
import { breakIfMoved } from "./phases.fixture.ts";
import { isFitForAutoMode } from "./resale.fixture.ts";
import { isCapped } from "./settings.fixture.ts";
import { triggerStops } from "./stops.fixture.ts";
import { close, line, open, trade } from "./trading.fixture.ts";

type Model = m.Model;

export type Wish = Pick<m.ModelDelivery, "account" | "symbol" | "prompt" | "output" | "choices">;
export const tokensFor = (wish: Wish): number => wish.prompt + wish.choices * wish.output;

/** Lots a buyer may draw on, soonest expiry first: of suppliers that can serve, or of those that cannot. */
export function drawable(model: Model, { account, symbol }: Wish, serving = true): m.ModelLot[] {
  return model.lots
    .filter((lot) => lot.owner === account && lot.symbol === symbol)
    .filter((lot) => lot.tradingMs === null && lot.expiresMs > clockMs(model, symbol))
    .filter((lot) => m.canServe(model, lot.supplier, symbol) === serving)
    .sort((a, b) => a.expiresMs - b.expiresMs || a.number - b.number);
}

/** How tokens are taken from Lots, in their order; null when there are not enough. */
function draw(model: Model, lots: readonly m.ModelLot[], tokens: number): m.ModelPart[] | null {
  let missing = tokens;
  const parts: m.ModelPart[] = [];
  for (const lot of lots) {
    const taken = Math.min(missing, m.freeTokens(model, lot));
    if (taken > 0) parts.push({ lot: lot.number, tokens: taken, ticks: lot.ticks });
    missing -= taken;
  }
  return missing > 0 ? null : parts;
}

export interface OwnLots {
  supplier: number;
  parts: m.ModelPart[];
}

/** One supplier's Lots that hold a reservation; the Lot that ends first decides whose. */
export function ownLots(
  model: Model,
  wish: Wish,
  failed: readonly number[],
  serving = true,
): OwnLots | null {
  const lots = drawable(model, wish, serving).filter((lot) => !failed.includes(lot.supplier));
  for (const { supplier } of lots) {
    const theirs = lots.filter((lot) => lot.supplier === supplier);
    const parts = draw(model, theirs, tokensFor(wish));
    if (parts !== null) return { supplier, parts };
  }
  return null;
}

export interface Asks {
  supplier: number;
  buys: { ask: m.ModelOrder; quantity: number }[];
  /** Asks at better places that did not add up. */
  passedOver: number;
}

export const priceOf = (model: Model, { buys }: Asks): bigint =>
  m.sum(buys.map(({ ask, quantity }) => m.worth(model, ask.symbol, ask.ticks, quantity)));

/** Who would serve an ask, and how much of it: Lots of one supplier, from the first on. */
function servedBy(model: Model, ask: m.ModelOrder): { supplier: number; quantity: number } {
  if (ask.lots.length === 0) return { supplier: ask.account, quantity: m.left(ask) };
  const servers = m.serversOf(model, ask);
  const supplier = servers[0] as number;
  const other = servers.findIndex((server) => server !== supplier);
  const run = other === -1 ? ask.lots : ask.lots.slice(0, other);
  return { supplier, quantity: m.count(run.map(({ quantity }) => quantity)) };
}

/**
 * Walks the asks; the first supplier whose asks add up sells, unless `most` ticks come first. Without
 * that the protection price of automatic purchases holds, from the best of these asks on.
 */
export function cheapestAsks(
  model: Model,
  wish: Wish,
  failed: readonly number[],
  most: number | null = null,
): Asks | null {
  const { incrementTokens } = m.instrumentOf(model, wish.symbol);
  if (m.phaseOf(model, wish.symbol) !== "active") return null;
  const wanted = Math.ceil(tokensFor(wish) / incrementTokens);
  const asks = line(model, wish.symbol, "sell").filter((ask) => {
    const { supplier } = servedBy(model, ask);
    if (ask.account === wish.account || supplier === wish.account) return false;
    if (!isFitForAutoMode(model, ask)) return false;
    // Cover is undone as if it had never been bought: bought Units cannot be.
    return !failed.includes(supplier) && (most === null || ask.lots.length === 0);
  });
  const best = asks[0]?.ticks ?? 0;
  const reach = most ?? best + Math.floor((best * model.policy.marketProtectionBps) / 10_000);
  const passed: m.ModelOrder[] = [];
  for (const last of asks.filter((ask) => ask.ticks <= reach)) {
    passed.push(last);
    const { supplier } = servedBy(model, last);
    const own = passed.filter((ask) => servedBy(model, ask).supplier === supplier);
    if (m.count(own.map((ask) => servedBy(model, ask).quantity)) < wanted) continue;
    if (own.some((ask) => ask.lots.length > 0)) model.tally.add("state: purchase of bought Units");
    let missing = wanted;
    const buys = own.map((ask) => {
      const quantity = Math.min(missing, servedBy(model, ask).quantity);
      missing -= quantity;
      return { ask, quantity };
    });
    return { supplier, buys, passedOver: passed.length - own.length };
  }
  return null;
}

/** What Auto Mode would buy, or why it does not. */
export function autoAsks(
  model: Model,
  wish: Wish,
  failed: readonly number[],
): Asks | RejectionCode {
  if (m.accountOf(model, wish.account).mode === "advanced") return "no-units";
  const asks = cheapestAsks(model, wish, failed);
  if (asks === null) return "no-supplier";
  const owner = m.accountOf(model, wish.account);
  const worst = Math.max(...asks.buys.map(({ ask }) => ask.ticks));
  if (worst > (owner.ceilings.get(wish.symbol) ?? worst)) return "price-above-ceiling";
  const price = m.withFee(model, priceOf(model, asks));
  if (price > m.freeMoney(model, wish.account)) return "payment-required";
  return isCapped(model, owner, price) ? "spend-cap-reached" : asks;
}

/** Buys from these asks, for an account or for the exchange. */
export function purchase(model: Model, account: number, symbol: string, asks: Asks): void {
  const { buys } = asks;
  const value = priceOf(model, asks);
  const bid = open(model, {
    ...{ account, symbol, side: "buy", ticks: Math.max(...buys.map(({ ask }) => ask.ticks)) },
    quantity: m.count(buys.map((buy) => buy.quantity)),
    hold: account === m.EXCHANGE ? value : m.withFee(model, value),
    ...{ postOnly: false, rests: false, fillOrKill: true },
  });
  for (const { ask, quantity } of buys) trade(model, ask, bid, quantity);
  const micros = value + bid.feePaid;
  if (account !== m.EXCHANGE)
    m.accountOf(model, account).autoSpent.push({ atMs: model.nowMs, micros });
  if (account !== m.EXCHANGE) {
    triggerStops(
      model,
      symbol,
      buys.map(({ ask }) => ask.ticks),
    );
    breakIfMoved(model, symbol);
  }
  tripGroups(model);
  close(model, bid);
}

/** Buys for a reservation, which then draws on all Lots of that supplier, soonest expiry first. */
export function buyLots(model: Model, wish: Wish, asks: Asks): OwnLots {
  model.tally.add("state: automatic purchase");
  if (asks.passedOver > 0) model.tally.add("state: purchase passed smaller asks over");
  if (asks.buys.length > 1) model.tally.add("state: purchase over several asks");
  purchase(model, wish.account, wish.symbol, asks);
  const { supplier } = asks;
  const lots = drawable(model, wish).filter((lot) => lot.supplier === supplier);
  const parts = draw(model, lots, tokensFor(wish));
  if (parts === null) throw new Error("the model reserves more than it bought");
  return { supplier, parts };
}
