/** What a new set of quotes changes, and whether all of it can be had; decided before the first event. */
import type { ReplaceQuotes } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { CoreState, Order } from "#exchange/core/state.ts";
import { sellableTokens } from "#exchange/core/supply/capacity.ts";
import { asksOf, offerProblem } from "#exchange/core/supply/issuance.ts";
import {
  accept,
  accountOf,
  type Decision,
  instrumentOf,
  policyOf,
  type Turn,
} from "#exchange/core/turn.ts";
import { tokensOf, valueMicros } from "#protocol/instrument.ts";
import { formatMicros, shareCeil } from "#protocol/money.ts";
import { marginMicros } from "./fees.ts";
import { planMatch, sellerFeeMicros } from "./matching.ts";
import { checkShape, openOrdersOn } from "./order-shape.ts";
import { bandProblem } from "./price-band.ts";
import { groupProblem } from "./quote-groups.ts";
import { phaseProblem } from "./trading-phase.ts";

/** Most quotes of one set. */
export const QUOTES_PER_SET_MAX = 100;

type Quote = ReplaceQuotes["quotes"][number];

export interface QuoteChange {
  /** For each quote the ask that it is already, or null. */
  orders: (number | null)[];
  fresh: Quote[];
  /** Asks of which only less is left. */
  shrunk: { order: Order; quantity: number }[];
  gone: Order[];
}

export function checkQuotes(turn: Turn, command: ReplaceQuotes): Decision<QuoteChange> {
  const { state } = turn;
  const { account, symbol, quotes, group } = command;
  if (quotes.length > QUOTES_PER_SET_MAX) {
    return reject(
      "invalid-order",
      `a set of ${quotes.length} quotes, expected at most ${QUOTES_PER_SET_MAX}`,
    );
  }
  const change = changeOf(turn, command);
  if (!change.ok) return change;
  if (change.result.fresh.length > 0) {
    const problem =
      phaseProblem(instrumentOf(state, symbol), AS_PLACED) ??
      bandsProblem(turn, symbol, change.result);
    if (problem !== null) return problem;
  }
  if (group !== undefined && change.result.fresh.length > 0) {
    const problem = groupProblem(state, account, symbol, group);
    if (problem !== null) return problem;
  }
  const { openOrders } = accountOf(state, account);
  const { openOrdersPerAccountMax, safety } = policyOf(state);
  const more = change.result.fresh.length - change.result.gone.length;
  const limits = [
    [openOrders.size, openOrdersPerAccountMax],
    [openOrdersOn(state, openOrders, symbol), safety?.openOrdersPerInstrumentMax ?? Infinity],
  ] as const;
  for (const [open, max] of change.result.fresh.length > 0 ? limits : []) {
    if (open + more <= max) continue;
    return reject("too-many-open-orders", `${open + more} orders would be open, at most ${max}`);
  }
  return change;
}

/** Every quote is such an order. */
const AS_PLACED = { orderType: "limit", timeInForce: "gtc", postOnly: false } as const;

function bandsProblem(turn: Turn, symbol: string, { fresh }: QuoteChange) {
  const listed = instrumentOf(turn.state, symbol);
  for (const { priceTicks } of fresh) {
    const problem = bandProblem(turn, listed, "sell", priceTicks);
    if (problem !== null) return problem;
  }
  return null;
}

function changeOf(turn: Turn, command: ReplaceQuotes): Decision<QuoteChange> {
  const { state } = turn;
  const { account, symbol, quotes } = command;
  for (const quote of quotes.length > 0 ? quotes : [{ quantity: 1, priceTicks: 1 }]) {
    const shape = checkShape(
      state,
      {
        ...{ account, symbol, side: "sell", orderType: "limit", timeInForce: "gtc", ...quote },
        ...{ maxSlippageBps: null, postOnly: false, clientOrderId: null, issueMissing: true },
      },
      { isReplacement: true },
    );
    if (!shape.ok) return shape;
  }
  const current = asksOf(turn, account, symbol)
    .filter((order) => order.orderType === "limit" && order.status !== "waiting")
    .filter((order) => order.lots.length === 0)
    .sort((a, b) => a.number - b.number);
  const taken = new Set<Order>();
  const take = (quote: Quote, fits: (left: number) => boolean): Order | null => {
    const found = current.find(
      (order) =>
        !taken.has(order) &&
        order.priceTicks === quote.priceTicks &&
        hasSameTerms(state, order, command) &&
        fits(order.quantity - order.filled),
    );
    if (found !== undefined) taken.add(found);
    return found ?? null;
  };
  // Those that stay as they are first, so that none of them is made smaller for another quote.
  const same = quotes.map((quote) => take(quote, (left) => left === quote.quantity));
  const shrunk: QuoteChange["shrunk"] = [];
  const orders = quotes.map((quote, at) => {
    const kept = same[at] ?? null;
    if (kept !== null) return kept.number;
    const larger = take(quote, (left) => left > quote.quantity);
    if (larger !== null) shrunk.push({ order: larger, quantity: quote.quantity });
    return larger?.number ?? null;
  });
  return accept({
    orders,
    fresh: quotes.filter((_quote, at) => orders[at] === null),
    shrunk,
    gone: current.filter((order) => !taken.has(order)),
  });
}

/** A quote that another group or session would hold is another quote. */
function hasSameTerms(
  state: CoreState,
  { number, timeInForce }: Order,
  { group, session }: ReplaceQuotes,
): boolean {
  const terms = state.terms.get(number);
  return (
    timeInForce === "gtc" &&
    (terms?.group ?? null) === (group ?? null) &&
    (terms?.session ?? null) === (session ?? null)
  );
}

/** Tokens to be issued for the set; refuses when Units, bond or fees cannot be had for all of it. */
export function quoteFunds(
  turn: Turn,
  { account, symbol }: ReplaceQuotes,
  { fresh, shrunk, gone }: QuoteChange,
): Decision<bigint> {
  if (fresh.length === 0) return accept(0n);
  const { state } = turn;
  const { ledger } = state;
  const { instrument } = instrumentOf(state, symbol);
  const policy = policyOf(state);
  let tokens = 0n;
  let bond = 0n;
  let total = 0;
  for (const { priceTicks, quantity } of fresh) {
    tokens += BigInt(tokensOf(instrument, quantity));
    bond += marginMicros(policy, valueMicros(instrument, priceTicks, quantity));
    total += quantity;
  }
  let freed = 0n;
  let freedBond = 0n;
  for (const order of gone) {
    freed += ledger.holdAmount(order.holdName);
    freedBond += ledger.holdAmount(order.marginName);
  }
  for (const { order, quantity } of shrunk) {
    const less = order.quantity - order.filled - quantity;
    freed += BigInt(tokensOf(instrument, less));
    // What the rest holds is rounded up, so a little less may come free than its share.
    const value = valueMicros(instrument, order.priceTicks, quantity);
    freedBond += ledger.holdAmount(order.marginName) - shareCeil(value, order.heldBps);
  }
  const sellable = sellableTokens(state, account, symbol) + freed;
  const missing = tokens > sellable ? tokens - sellable : 0n;
  const problem = offerProblem(turn, account, symbol, missing);
  if (problem !== null) return problem;
  // At most what all of them together would take at the lowest of their prices, and a rounding each.
  const plan = planMatch(state, instrumentOf(state, symbol), {
    account,
    side: "sell",
    limitTicks: Math.min(...fresh.map(({ priceTicks }) => priceTicks)),
    quantity: total,
    terms: null,
    nowMs: turn.nowMs,
  });
  for (const { priceTicks, quantity } of plan.fills) {
    bond += marginMicros(policy, valueMicros(instrument, priceTicks, quantity)) + 1n;
  }
  if (plan.fills.length > 0) bond += BigInt(fresh.length);
  const freeBond = ledger.free(ledger.names.bond(account)) + freedBond;
  if (bond > freeBond) {
    return reject(
      "insufficient-bond",
      `the quotes need ${formatMicros(bond)} USD of bond, ${formatMicros(freeBond)} are free without those they replace; deposit bond or offer less`,
      { required: formatMicros(bond), available: formatMicros(freeBond) },
    );
  }
  const fee = sellerFeeMicros(turn, { feeBasisMicros: 0n, feeMicros: 0n }, plan);
  const money = ledger.free(ledger.names.available(account));
  if (fee > money) {
    return reject(
      "insufficient-balance",
      `selling at once costs ${formatMicros(fee)} USD of fee, ${formatMicros(money)} are available`,
    );
  }
  return accept(missing);
}
