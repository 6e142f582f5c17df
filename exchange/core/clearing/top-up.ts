/**
 * The standing top-up: when a draw leaves an account with fewer tokens of an instrument than its trigger,
 * the exchange buys as much as was set, from the best asks up, within ceiling, caps and money. It is not
 * tried again before the next draw: nothing is bought for an account that draws nothing.
 */
import { capProblem, ceilingTicks } from "#exchange/core/accounts/spending.ts";
import { bidHoldMicros } from "#exchange/core/market/fees.ts";
import { type MatchPlan, NO_ENDS } from "#exchange/core/market/matching.ts";
import { NONE, SELL } from "#exchange/core/market/order-book-port.ts";
import { isOver } from "#exchange/core/market/order-terms.ts";
import type { Account, CoreState } from "#exchange/core/state.ts";
import { accountOf, instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { incrementsFor, valueMicros } from "#protocol/instrument.ts";
import { lotClockMs } from "./halts.ts";
import { isFitForAutoMode } from "./offers.ts";
import { emitPurchase, type PurchasePlan } from "./purchase.ts";

export function topUpIfLow(turn: Turn, number: number, symbol: string): void {
  const { state, nowMs } = turn;
  const account = accountOf(state, number);
  const { autoBuy, autoBuyTriggerTokens } = account.settings;
  if (!autoBuy || autoBuyTriggerTokens === 0) return;
  if (positionTokens(state, account, symbol, nowMs) >= autoBuyTriggerTokens) return;
  const plan = planTopUp(state, account, symbol, nowMs);
  if (plan === null) return;
  const free = state.ledger.free(state.ledger.names.available(number));
  if (plan.requiredMicros > free) return;
  if (capProblem(account, nowMs, plan.requiredMicros) !== null) return;
  emitPurchase(turn, number, symbol, plan);
}

/** Tokens of an instrument that an account can still draw on or transfer. */
export function positionTokens(
  state: CoreState,
  account: Account,
  symbol: string,
  nowMs: number,
): number {
  let tokens = 0;
  for (const holding of state.holdings.of(account, symbol).values()) {
    tokens += holding.freeTokensAt(lotClockMs(state, symbol, nowMs));
  }
  for (const lot of state.tradingLots.of(account, symbol)) tokens += lot.freeTokens;
  return tokens;
}

/** What is to be had, up to the quantity that was set, within the protection price and the ceiling. */
function planTopUp(
  state: CoreState,
  account: Account,
  symbol: string,
  nowMs: number,
): PurchasePlan | null {
  const { book, instrument, trading } = instrumentOf(state, symbol);
  if (trading.phase !== "active") return null;
  const policy = policyOf(state);
  const ceiling = ceilingTicks(account, symbol) ?? Number.MAX_SAFE_INTEGER;
  let left = incrementsFor(instrument, account.settings.autoBuyTokens);
  let limitTicks: number | null = null;
  let worstPriceTicks = 0;
  let value = 0n;
  const fills: MatchPlan["fills"] = [];
  for (let handle = book.best(SELL); handle !== NONE && left > 0; handle = book.next(handle)) {
    const order = book.order(handle);
    const priceTicks = book.priceTicks(handle);
    const ask = state.orders.get(order);
    if (ask === undefined || ask.account === account.number || isOver(state, ask, nowMs)) continue;
    if (!isFitForAutoMode(state, ask)) continue;
    limitTicks ??= priceTicks + Math.floor((priceTicks * policy.marketProtectionBps) / 10_000);
    if (priceTicks > Math.min(limitTicks, ceiling)) break;
    const quantity = Math.min(left, book.quantity(handle));
    fills.push({ order, quantity, priceTicks });
    value += valueMicros(instrument, priceTicks, quantity);
    worstPriceTicks = priceTicks;
    left -= quantity;
  }
  if (fills.length === 0) return null;
  return {
    fills,
    quantity: fills.reduce((sum, { quantity }) => sum + quantity, 0),
    valueMicros: value,
    ends: NO_ENDS,
    selfTrade: false,
    beyondLimit: false,
    supplier: account.number,
    worstPriceTicks,
    requiredMicros: bidHoldMicros(policy, value),
  };
}
