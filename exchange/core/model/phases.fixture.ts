/** The naive market's rules of trading phases: halts, auctions and their one price, breakers. */
import type { Command } from "#exchange/core/commands.ts";
import { countFill, tripGroups } from "./groups.fixture.ts";
import * as m from "./market.fixture.ts";
import { triggerStops } from "./stops.fixture.ts";
import { close, line, trade } from "./trading.fixture.ts";

type Model = m.Model;

function setPhase(
  model: Model,
  market: m.ModelMarket,
  phase: m.ModelMarket["phase"],
  endsMs: number | null,
): void {
  Object.assign(market, { phase, endsMs, closesMs: phase === "closed" ? model.nowMs : null });
}

export function halt(model: Model, command: Command<"halt-trading">): m.Outcome {
  const { symbol, phase } = command;
  const market = model.markets.find((each) => each.symbol === symbol);
  if (market === undefined) return m.refused("instrument-not-found");
  if (market.phase !== phase) setPhase(model, market, phase, null);
  return m.accepted({ symbol, phase });
}

export function resumeMarket(model: Model, command: Command<"resume-trading">): m.Outcome {
  const { symbol, auctionMs } = command;
  const market = model.markets.find((each) => each.symbol === symbol);
  if (market === undefined) return m.refused("instrument-not-found");
  const ends = market.phase === "halted" || market.phase === "closed";
  if (ends) setPhase(model, market, "auction", model.nowMs + auctionMs);
  return m.accepted({ symbol, phase: market.phase, endsAtMs: market.endsMs });
}

export function closeMarket(model: Model, market: m.ModelMarket): void {
  model.tally.add("state: market closed");
  market.closesMs = null;
  for (const order of model.orders.filter((o) => o.symbol === market.symbol)) close(model, order);
}

interface Candidate {
  ticks: number;
  traded: number;
  surplus: number;
}

/** Every limit price, and what would be traded at it; the best by the rules. Null: nothing meets. */
function auctionPrice(model: Model, symbol: string): number | null {
  const [bids, asks] = [line(model, symbol, "buy"), line(model, symbol, "sell")];
  const candidates = [...new Set([...bids, ...asks].map(({ ticks }) => ticks))].map(
    (ticks): Candidate => {
      const buys = m.count(bids.filter((bid) => bid.ticks >= ticks).map(m.left));
      const sells = m.count(asks.filter((ask) => ask.ticks <= ticks).map(m.left));
      return { ticks, traded: Math.min(buys, sells), surplus: buys - sells };
    },
  );
  const most = Math.max(0, ...candidates.map(({ traded }) => traded));
  if (most === 0) return null;
  const traded = candidates.filter((each) => each.traded === most);
  const least = Math.min(...traded.map(({ surplus }) => Math.abs(surplus)));
  const even = traded.filter(({ surplus }) => Math.abs(surplus) === least);
  const prices = even.map(({ ticks }) => ticks).sort((a, b) => a - b);
  const buyersLeft = even.every(({ surplus }) => surplus > 0);
  const sellersLeft = even.every(({ surplus }) => surplus < 0);
  if (even.length > 1) model.tally.add("state: several auction prices");
  if (buyersLeft) return Math.max(...prices);
  if (sellersLeft) return Math.min(...prices);
  const last = model.lastTicks.get(symbol);
  if (last === undefined) return prices[0] ?? null;
  const far = (ticks: number) => Math.abs(ticks - last);
  return prices.sort((a, b) => far(a) - far(b) || a - b)[0] ?? null;
}

/** Trades all that meets, at the price of the auction; who is left over at another one after it. */
export function uncross(model: Model, market: m.ModelMarket): void {
  const { symbol } = market;
  let price: number | null = null;
  for (;;) {
    const bid = line(model, symbol, "buy")[0];
    const ask = line(model, symbol, "sell")[0];
    if (bid === undefined || ask === undefined || bid.ticks < ask.ticks) break;
    if (price === null || bid.ticks < price || ask.ticks > price) {
      if (price === null) market.pricesFrom = model.fills.length;
      price = auctionPrice(model, symbol);
      if (price === null) throw new Error("a crossed book has no auction price");
      continue;
    }
    const over = [bid, ask].find((o) => o.expiresMs !== null && o.expiresMs <= model.nowMs);
    if (over !== undefined) {
      close(model, over);
      continue;
    }
    const [older, newer] = bid.number < ask.number ? [bid, ask] : [ask, bid];
    if (older.account === newer.account) {
      model.tally.add("state: owner met itself in an auction");
      if (newer.mode !== "cancel-newest") close(model, older);
      if (newer.mode !== "cancel-oldest") close(model, newer);
      continue;
    }
    const quantity = Math.min(m.left(bid), m.left(ask));
    trade(model, older, newer, quantity, price);
    countFill(model, newer, quantity);
    if (m.left(newer) === 0) close(model, newer);
    tripGroups(model);
    model.tally.add("state: traded in an auction");
  }
  setPhase(model, market, "active", null);
  if (price === null) market.pricesFrom = model.fills.length;
  else triggerStops(model, symbol, [price]);
}

const minuteOf = (ms: number): number => Math.floor(ms / 60_000);

/** After an order's fills: has the price moved further than a breaker allows? */
export function breakIfMoved(model: Model, symbol: string): void {
  const { safety } = model.policy;
  const market = m.the(model.markets, (each) => each.symbol === symbol);
  const own = model.fills.filter((fill) => fill.symbol === symbol);
  const price = own.at(-1)?.ticks;
  if (safety === undefined || own.length < 5 || price === undefined) return;
  const since = model.fills.slice(market.pricesFrom).filter((fill) => fill.symbol === symbol);
  const trips = safety.breakers.some(({ withinMs, moveBps }) =>
    since
      .filter(({ atMs }) => minuteOf(atMs) >= minuteOf(model.nowMs - withinMs))
      .some(
        ({ ticks }) =>
          price * 10_000 > ticks * (10_000 + moveBps) ||
          price * 10_000 < ticks * (10_000 - moveBps),
      ),
  );
  if (!trips) return;
  model.tally.add("state: breaker led into an auction");
  setPhase(model, market, "auction", model.nowMs + safety.auctionMs);
}
