/** What order and trade events do to the state. */

import { spendingAfter } from "#exchange/core/accounts/spending.ts";
import type { OfferedLot } from "#exchange/core/clearing/lot-events.ts";
import { awaitSweep } from "#exchange/core/clearing/sweep-times.ts";
import type { EventOf } from "#exchange/core/events.ts";
import { EXCHANGE_ACCOUNT, holdNameOf, marginNameOf } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { feeBpsOf, heldBpsOf } from "#exchange/core/market/fees.ts";
import { BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import { rememberPrice } from "#exchange/core/market/price-history.ts";
import { rememberFill } from "#exchange/core/market/reference-price.ts";
import { lotOpened } from "#exchange/core/sla/scorecard.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { accountOf, instrumentOf, policyOf } from "#exchange/core/turn.ts";
import { tokensOf } from "#protocol/instrument.ts";
import type { Appliers } from "./apply.ts";
import { handOverLots, takeBackOffer } from "./lot-events.ts";
import { leaveBook, openOrderOf } from "./open-order.ts";
import { countFillOfGroup, dropTerms, leaveTriggered } from "./order-terms-events.ts";
import { openSupply } from "./supply-events.ts";

/** Shared by all orders that hold none. */
const NO_LOTS: OfferedLot[] = [];

export const marketAppliers: Appliers<
  | "order-accepted"
  | "order-rested"
  | "orders-suspended"
  | "orders-resumed"
  | "trade"
  | "order-closed"
> = {
  "order-accepted": (state, { order, postings }) => {
    state.counters.order = order.number;
    state.orders.set(order.number, {
      number: order.number,
      account: order.account,
      symbol: order.symbol,
      side: order.side,
      orderType: order.orderType,
      timeInForce: order.timeInForce,
      source: order.source,
      quantity: order.quantity,
      filled: 0,
      priceTicks: order.priceTicks,
      valueMicros: 0n,
      feeMicros: 0n,
      feeBasisMicros: 0n,
      heldBps: order.source === "cover" ? 0 : heldBpsOf(policyOf(state), order.side),
      status: "open",
      closureReason: null,
      clientOrderId: order.clientOrderId,
      postOnly: order.postOnly,
      placedAtMs: order.placedAtMs,
      closedAtMs: null,
      handle: 0,
      lots: NO_LOTS,
      // The very strings that the ledger has just hashed.
      holdName: heldUnder(postings[0]) ?? holdNameOf(order.side, order.number),
      marginName: heldUnder(postings[1]) ?? marginNameOf(order.side, order.number),
    });
    accountOf(state, order.account).openOrders.add(order.number);
  },
  "order-rested": (state, { order: number }) => {
    const order = openOrderOf(state, number);
    if (order.status === "triggered") {
      leaveTriggered(state, order);
      order.status = "open";
    }
    order.handle = instrumentOf(state, order.symbol).book.add(
      order.side === "buy" ? BUY : SELL,
      order.priceTicks,
      order.quantity - order.filled,
      number,
    );
  },
  "orders-suspended": (state, { orders }) => {
    for (const number of orders) {
      const order = openOrderOf(state, number);
      leaveBook(state, order);
      if (order.status === "triggered") leaveTriggered(state, order);
      order.status = "suspended";
    }
  },
  "orders-resumed": (state, { orders }) => {
    for (const number of orders) openOrderOf(state, number).status = "open";
  },
  trade: (state, event) => {
    const { symbol, priceTicks, quantity, buyer, atMs } = event;
    const listed = instrumentOf(state, symbol);
    const policy = policyOf(state);
    const buySide = event.takerSide === "buy" ? event.takerOrder : event.makerOrder;
    for (const number of [event.makerOrder, event.takerOrder]) {
      const order = openOrderOf(state, number);
      // Cover is free of fees, also for who sells it.
      const bps =
        buyer === EXCHANGE_ACCOUNT ? 0 : feeBpsOf(policy, order, number === event.takerOrder);
      order.filled += quantity;
      order.valueMicros += event.valueMicros;
      order.feeBasisMicros += event.valueMicros * BigInt(bps);
      order.feeMicros += number === buySide ? event.buyerFeeMicros : event.sellerFeeMicros;
      // Of a taker only in an auction, where both rest.
      if (order.handle !== 0) {
        if (state.groups.size > 0) countFillOfGroup(state, order, quantity, atMs);
        listed.book.reduce(order.handle, quantity);
        if (order.filled === order.quantity) order.handle = 0;
      }
    }
    if (openOrderOf(state, buySide).source === "auto") {
      const spent = event.valueMicros + event.buyerFeeMicros;
      const account = accountOf(state, buyer);
      account.spending = spendingAfter(account.spending, atMs, spent);
    }
    if (buyer !== EXCHANGE_ACCOUNT) {
      rememberFill(listed, priceTicks, atMs);
      rememberPrice(listed, event);
    }
    listed.lastPriceTicks = priceTicks;
    listed.lastQuantity = quantity;
    listed.lastTradeAtMs = atMs;
    listed.totalQuantity += quantity;
    listed.totalTrades += 1;
    state.counters.trade = event.trade;
    if (event.resold.length > 0) {
      handOverLots(
        state,
        event,
        openOrderOf(state, buySide === event.makerOrder ? event.takerOrder : event.makerOrder),
      );
    } else bearLot(state, event);
  },
  "order-closed": (state, { order: number }) => {
    const order = openOrderOf(state, number);
    leaveBook(state, order);
    if (state.resales.has(number)) takeBackOffer(state, order);
    if (state.terms.size > 0) dropTerms(state, order);
    accountOf(state, order.account).openOrders.delete(number);
    state.orders.delete(number);
  },
};

/** The Units of an issuing fill become a Lot: owned by the buyer, owed by the seller. */
function bearLot(state: CoreState, event: EventOf<"trade">): void {
  const { symbol, priceTicks, quantity, lot, buyer, seller, atMs } = event;
  state.counters.lot = lot;
  const tokens = tokensOf(instrumentOf(state, symbol).instrument, quantity);
  const bought: Lot = {
    number: lot,
    symbol,
    owner: buyer,
    supplier: seller,
    trade: event.trade,
    priceTicks,
    costTicks: priceTicks,
    tokens,
    valueMicros: event.valueMicros,
    usedTokens: 0,
    paidMicros: 0n,
    marginBps: policyOf(state).bondMarginBps,
    bondedMicros: bondedBy(event.postings.at(-1)),
    boughtAtMs: atMs,
    tradingSinceMs: event.enteredAtMs === null ? atMs : null,
    enteredAtMs: event.enteredAtMs,
    expiresAtMs: event.expiresAtMs,
    abandoned: null,
    drawn: null,
    openDeliveries: 0,
    freeTokens: tokens,
    names: null,
  };
  state.lots.set(lot, bought);
  if (bought.tradingSinceMs === null) state.holdings.add(bought);
  else {
    state.tradingLots.add(bought);
    awaitSweep(state, buyer, atMs);
  }
  lotOpened(state, bought);
  accountOf(state, buyer).lots.add(lot);
  openSupply(state, seller, symbol).owedTokens += tokens;
  if (event.expiresAtMs !== null) {
    state.due.push({ dueMs: event.expiresAtMs, kind: "lot-expiry", id: lot });
  }
}

/** A trade holds one thing, last: the bond behind its Lot, where there was any. */
function bondedBy(posting: Posting | undefined): bigint {
  return posting?.kind === "hold" ? posting.amount : 0n;
}

function heldUnder(posting: Posting | undefined): string | null {
  return posting?.kind === "hold" ? posting.hold : null;
}
