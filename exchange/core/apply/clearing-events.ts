/** What delivery and Lot events do to the state. */
import { lotOf, namesOfLot } from "#exchange/core/clearing/lots.ts";
import { lotClosed, openCard } from "#exchange/core/sla/scorecard.ts";
import type { CoreState, Delivery, Lot } from "#exchange/core/state.ts";
import { accountOf } from "#exchange/core/turn.ts";
import type { Appliers } from "./apply.ts";
import { openSupply } from "./supply-events.ts";

export const clearingAppliers: Appliers<
  | "delivery-reserved"
  | "attempt-failed"
  | "delivery-settled"
  | "delivery-released"
  | "lot-expired"
  | "lot-consumed"
> = {
  "delivery-reserved": (state, event) => {
    const before = state.deliveries.get(event.delivery);
    state.counters.delivery = Math.max(state.counters.delivery, event.delivery);
    state.deliveries.set(event.delivery, {
      number: event.delivery,
      requestId: event.requestId,
      account: event.account,
      symbol: event.symbol,
      keyId: event.keyId,
      attempt: event.attempt,
      supplier: event.supplier,
      promptTokens: event.promptTokens,
      maxOutputTokens: event.maxOutputTokens,
      choices: event.choices,
      parts: event.parts,
      excluded: before?.excluded ?? [],
      owed: before?.owed ?? null,
      failures: before?.failures ?? [],
      openedAtMs: before?.openedAtMs ?? event.atMs,
      timeoutAtMs: event.timeoutAtMs,
    });
    for (const part of event.parts) {
      const lot = lotOf(state, part.lot);
      lot.openDeliveries += 1;
      state.holdings.free(lot, -part.tokens);
    }
    if (before !== undefined) return;
    accountOf(state, event.account).openDeliveries += 1;
    state.due.push({ dueMs: event.timeoutAtMs, kind: "delivery-timeout", id: event.delivery });
  },
  "attempt-failed": (state, { delivery: number, supplier }) => {
    const delivery = deliveryOf(state, number);
    giveBack(state, delivery);
    delivery.parts = [];
    delivery.excluded = [...delivery.excluded, supplier];
  },
  "delivery-settled": (state, { delivery, parts, atMs }) => {
    for (const part of parts) {
      const lot = lotOf(state, part.lot);
      openCard(state, lot.supplier, lot.symbol, atMs);
      state.holdings.free(lot, -part.tokens);
      lot.usedTokens += part.tokens;
      lot.paidMicros += part.costMicros;
      const supply = openSupply(state, lot.supplier, lot.symbol);
      supply.owedTokens -= part.tokens;
      supply.deliveredTokens += part.tokens;
    }
    closeDelivery(state, delivery);
  },
  "delivery-released": (state, { delivery }) => closeDelivery(state, delivery),
  "lot-expired": (state, { lot: number, unusedTokens, atMs }) => {
    const lot = lotOf(state, number);
    openCard(state, lot.supplier, lot.symbol, atMs);
    openSupply(state, lot.supplier, lot.symbol).owedTokens -= unusedTokens;
    closeLot(state, lot);
  },
  "lot-consumed": (state, { lot }) => closeLot(state, lotOf(state, lot)),
};

/** Ends the reservation of every part; what was used of them is taken off by whoever settles. */
function giveBack(state: CoreState, delivery: Delivery): void {
  for (const part of delivery.parts) {
    const lot = lotOf(state, part.lot);
    lot.openDeliveries -= 1;
    state.holdings.free(lot, part.tokens);
  }
}

function closeDelivery(state: CoreState, number: number): void {
  const delivery = deliveryOf(state, number);
  giveBack(state, delivery);
  accountOf(state, delivery.account).openDeliveries -= 1;
  state.deliveries.delete(number);
}

function closeLot(state: CoreState, lot: Lot): void {
  const { escrow, tokens } = namesOfLot(lot);
  state.ledger.forget(escrow);
  state.ledger.forget(tokens);
  state.holdings.remove(lot);
  lotClosed(state, lot);
  accountOf(state, lot.owner).lots.delete(lot.number);
  state.lots.delete(lot.number);
}

function deliveryOf(state: CoreState, number: number) {
  const delivery = state.deliveries.get(number);
  if (delivery === undefined) throw new Error(`delivery ${number} is not open`);
  return delivery;
}
