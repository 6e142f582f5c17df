/**
 * Auto Mode's purchase: a whole reservation at once from one supplier, or nothing.
 *
 * Asks are walked in price-time order and added up per supplier; the first supplier whose asks hold
 * the reservation sells it. Smaller asks are passed over and keep their place. This bounds the worst
 * price paid: no other supplier could have served it all at or below that price. Bought Units that are
 * sold on count for the supplier that owes them.
 */

import { bidHold, EXCHANGE_ACCOUNT } from "#exchange/core/ledger/account-names.ts";
import { closeOrder } from "#exchange/core/market/closing.ts";
import { bidHoldMicros } from "#exchange/core/market/fees.ts";
import { executePlan, type MatchPlan, NO_ENDS } from "#exchange/core/market/matching.ts";
import { NONE, SELL } from "#exchange/core/market/order-book-port.ts";
import { isOver, overReason } from "#exchange/core/market/order-terms.ts";
import { areTrialsTaken } from "#exchange/core/sla/trials.ts";
import type { CoreState, Order } from "#exchange/core/state.ts";
import { instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { incrementsFor, tokensOf, valueMicros } from "#protocol/instrument.ts";
import type { Part } from "./cost.ts";
import { lotOf } from "./lots.ts";
import { isFitForAutoMode } from "./offers.ts";

export interface PurchasePlan extends MatchPlan {
  supplier: number;
  worstPriceTicks: number;
  /** Value and fee: what the buyer must have free. The exchange pays no fee. */
  requiredMicros: bigint;
}

/** The purchase that would hold `tokens`, or null when no supplier offers that much within the protection price. */
export function planPurchase(
  state: CoreState,
  buyer: number,
  symbol: string,
  tokens: number,
  options: { excluded: readonly number[]; nowMs: number; limitTicks?: number },
): PurchasePlan | null {
  const { book, instrument, trading } = instrumentOf(state, symbol);
  if (trading.phase !== "active") return null;
  const policy = policyOf(state);
  const wanted = incrementsFor(instrument, tokens);
  const offers = new Map<number, { quantity: number; fills: MatchPlan["fills"] }>();
  const { excluded, nowMs } = options;
  let ends = NO_ENDS;
  let limitTicks: number | null = options.limitTicks ?? null;
  for (let handle = book.best(SELL); handle !== NONE; handle = book.next(handle)) {
    const priceTicks = book.priceTicks(handle);
    if (limitTicks !== null && priceTicks > limitTicks) return null;
    const ask = state.orders.get(book.order(handle));
    if (ask === undefined) throw new Error(`book holds unknown order ${book.order(handle)}`);
    const isOwn = ask.account === buyer;
    if (isOwn || isOver(state, ask, nowMs)) {
      // The buyer's own ends first, as an order under cancel-oldest would have it.
      ends = [
        ...ends,
        { order: ask.number, reason: isOwn ? "self_trade_prevented" : overReason(ask) },
      ];
      continue;
    }
    // Cover is undone as if it had never been bought, which bought Units cannot be.
    if (buyer === EXCHANGE_ACCOUNT && ask.lots.length > 0) continue;
    if (!isFitForAutoMode(state, ask)) continue;
    const served = servedBy(state, ask, book.quantity(handle));
    if (served.supplier === buyer || excluded.includes(served.supplier)) continue;
    if (areTrialsTaken(state, served.supplier, symbol)) continue;
    limitTicks ??= priceTicks + Math.floor((priceTicks * policy.marketProtectionBps) / 10_000);
    const offer = offers.get(served.supplier) ?? { quantity: 0, fills: [] };
    offers.set(served.supplier, offer);
    const quantity = Math.min(served.quantity, wanted - offer.quantity);
    offer.fills.push({ order: ask.number, quantity, priceTicks });
    offer.quantity += quantity;
    if (offer.quantity < wanted) continue;
    let value = 0n;
    for (const fill of offer.fills) {
      value += valueMicros(instrument, fill.priceTicks, fill.quantity);
    }
    return {
      fills: offer.fills,
      ends,
      quantity: wanted,
      valueMicros: value,
      selfTrade: false,
      beyondLimit: false,
      supplier: served.supplier,
      worstPriceTicks: priceTicks,
      requiredMicros: buyer === EXCHANGE_ACCOUNT ? value : bidHoldMicros(policy, value),
    };
  }
  return null;
}

/**
 * Who would serve what an ask sells, and how much of it: of bought Units only as far as the first Lots
 * are of one supplier, since a fill takes them in their order.
 */
function servedBy(
  state: CoreState,
  ask: Order,
  quantity: number,
): { supplier: number; quantity: number } {
  const [first] = ask.lots;
  if (first === undefined) return { supplier: ask.account, quantity };
  const { supplier } = lotOf(state, first.lot);
  let served = 0;
  for (const offered of ask.lots) {
    if (lotOf(state, offered.lot).supplier !== supplier) break;
    served += offered.quantity;
  }
  return { supplier, quantity: served };
}

/** The parts in which a purchase would serve `tokens`, before its Lots have numbers. */
export function purchaseParts(
  state: CoreState,
  symbol: string,
  { fills }: PurchasePlan,
  tokens: number,
): Part[] {
  const { instrument } = instrumentOf(state, symbol);
  let left = tokens;
  return fills.map(({ quantity, priceTicks }) => {
    const taken = Math.min(left, tokensOf(instrument, quantity));
    left -= taken;
    return { lot: 0, tokens: taken, priceTicks };
  });
}

/** Buys as planned, fill-or-kill; the caller has checked that the buyer can pay. */
export function emitPurchase(turn: Turn, buyer: number, symbol: string, plan: PurchasePlan): void {
  const number = turn.state.counters.order + 1;
  turn.emit({
    type: "order-accepted",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    order: {
      number,
      account: buyer,
      symbol,
      side: "buy",
      orderType: "market",
      timeInForce: "fok",
      source: buyer === EXCHANGE_ACCOUNT ? "cover" : "auto",
      quantity: plan.quantity,
      priceTicks: plan.worstPriceTicks,
      clientOrderId: null,
      postOnly: false,
      placedAtMs: turn.nowMs,
    },
    postings: [
      {
        kind: "hold",
        hold: bidHold(number),
        from: turn.state.ledger.names.available(buyer),
        amount: plan.requiredMicros,
      },
    ],
  });
  const order = turn.state.orders.get(number);
  if (order === undefined) throw new Error(`order ${number} was accepted and is not there`);
  executePlan(turn, order, plan);
  closeOrder(turn, order, "filled", null);
}
