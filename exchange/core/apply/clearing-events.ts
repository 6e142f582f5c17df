/** What delivery and Lot events do to the state. */
import { ownParts } from "#exchange/core/clearing/charging.ts";
import { tokensOfParts, valueOfParts } from "#exchange/core/clearing/cost.ts";
import { countDrawn } from "#exchange/core/clearing/draw-rate.ts";
import { lotOf, namesOfLot } from "#exchange/core/clearing/lots.ts";
import type { EventOf } from "#exchange/core/events.ts";
import { causeOf } from "#exchange/core/sla/causes.ts";
import { openCard } from "#exchange/core/sla/scorecard.ts";
import { beginTrial, endTrial } from "#exchange/core/sla/trials.ts";
import type { FailedAttempt } from "#exchange/core/sla/verdict.ts";
import type { CoreState, Delivery, Lot } from "#exchange/core/state.ts";
import { accountOf, policyOf } from "#exchange/core/turn.ts";
import { divideFloor } from "#protocol/money.ts";
import type { Appliers } from "./apply.ts";
import { closeLot } from "./lot-events.ts";
import { openSupply } from "./supply-events.ts";

export const clearingAppliers: Appliers<
  | "delivery-reserved"
  | "attempt-failed"
  | "cover-settled"
  | "supplier-charged"
  | "debt-collected"
  | "lot-closed-out"
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
      countDrawn(state, lot, part.tokens, event.atMs);
    }
    beginTrial(state, event.supplier, event.symbol, event.delivery);
    if (before !== undefined) return;
    accountOf(state, event.account).openDeliveries += 1;
    state.due.push({ dueMs: event.timeoutAtMs, kind: "delivery-timeout", id: event.delivery });
  },
  "attempt-failed": (state, event) => {
    const delivery = deliveryOf(state, event.delivery);
    delivery.failures = [...delivery.failures, failureOf(state, delivery, event)];
    delivery.excluded = [...delivery.excluded, event.supplier];
    if (causeOf(event.cause).isUnsent)
      endTrial(state, event.supplier, delivery.symbol, event.delivery);
    if (event.remedy === "lots") {
      giveBack(state, delivery, event.atMs);
      delivery.owed = null;
    } else delivery.owed ??= { supplier: event.supplier, parts: delivery.parts };
    delivery.parts = [];
  },
  "cover-settled": (state, { delivery: number, supplier, parts, atMs }) => {
    for (const { lot: bought, usedTokens, undoneTokens } of parts) {
      const lot = lotOf(state, bought);
      const supply = openSupply(state, supplier, lot.symbol);
      supply.owedTokens -= usedTokens + undoneTokens;
      supply.deliveredTokens += usedTokens;
      closeLot(state, lot, atMs);
    }
    deliveryOf(state, number).parts = [];
  },
  "supplier-charged": (state, { supplier, lot, bps, owedMicros, guarantyMicros, atMs }) => {
    if (lot !== null && bps !== null) {
      const sinceMs = state.attendance.get(supplier)?.awaySinceMs ?? atMs;
      const abandoned = lotOf(state, lot);
      abandoned.abandoned = { sinceMs, bps };
      lowerBonded(state, abandoned);
    }
    if (owedMicros > 0n) state.due.push({ dueMs: atMs, kind: "absence", id: supplier });
    if (guarantyMicros === 0n) return;
    const windowStartMs = atMs - (atMs % policyOf(state).sla.windowMs);
    const use = state.fundUse.get(supplier);
    const before = use?.windowStartMs === windowStartMs ? use.micros : 0;
    state.fundUse.set(supplier, { windowStartMs, micros: before + Number(guarantyMicros) });
  },
  "debt-collected": (state, { lots }) => {
    for (const number of lots) lowerBonded(state, lotOf(state, number));
  },
  "lot-closed-out": (state, { lot: number, unusedTokens, atMs }) => {
    const lot = lotOf(state, number);
    openSupply(state, lot.supplier, lot.symbol).owedTokens -= unusedTokens;
    closeLot(state, lot, atMs);
  },
  "delivery-settled": (state, { delivery, parts, atMs }) => {
    for (const part of parts) {
      const lot = lotOf(state, part.lot);
      openCard(state, lot.supplier, lot.symbol, atMs);
      state.holdings.free(lot, -part.tokens);
      countDrawn(state, lot, part.tokens, atMs);
      lot.usedTokens += part.tokens;
      lot.paidMicros += part.costMicros;
      const supply = openSupply(state, lot.supplier, lot.symbol);
      supply.owedTokens -= part.tokens;
      // Covered, another delivered what this one owed.
      if (lot.supplier === deliveryOf(state, delivery).supplier) {
        supply.deliveredTokens += part.tokens;
      }
    }
    closeDelivery(state, delivery, atMs);
  },
  "delivery-released": (state, { delivery, atMs }) => closeDelivery(state, delivery, atMs),
  "lot-expired": (state, { lot: number, unusedTokens, atMs }) => {
    const lot = lotOf(state, number);
    openSupply(state, lot.supplier, lot.symbol).owedTokens -= unusedTokens;
    closeLot(state, lot, atMs);
  },
  "lot-consumed": (state, { lot, atMs }) => closeLot(state, lotOf(state, lot), atMs),
};

/** A failed attempt as it will be judged: with the prices that it would have served at. */
function failureOf(
  state: CoreState,
  delivery: Delivery,
  event: EventOf<"attempt-failed">,
): FailedAttempt {
  const { promptTokens, choices, maxOutputTokens, symbol, parts } = delivery;
  const { imputedOutputTokens } = policyOf(state).sla;
  const reserved = tokensOfParts(parts);
  const reservedMicros = valueOfParts(state, symbol, parts, reserved);
  const tokens = promptTokens + Math.min(choices * maxOutputTokens, imputedOutputTokens);
  return {
    attempt: event.attempt,
    supplier: event.supplier,
    cause: event.cause,
    tokens,
    valueMicros: divideFloor(reservedMicros * BigInt(tokens), BigInt(reserved)),
    reservedMicros,
    chargeMaxMicros: event.chargeMaxMicros,
    guarantyMaxMicros: event.guarantyMaxMicros,
  };
}

/** Part of the bond behind a Lot was taken: no more than the rest will be asked for. */
function lowerBonded(state: CoreState, lot: Lot): void {
  const margin = state.ledger.holdAmount(namesOfLot(lot).margin);
  if (margin < lot.bondedMicros) lot.bondedMicros = margin;
}

/** Ends the buyer's reservation; what was used of it is taken off by whoever settles. */
function giveBack(state: CoreState, delivery: Delivery, atMs: number): void {
  for (const part of ownParts(delivery)) {
    const lot = lotOf(state, part.lot);
    lot.openDeliveries -= 1;
    state.holdings.free(lot, part.tokens);
    countDrawn(state, lot, -part.tokens, atMs);
  }
}

function closeDelivery(state: CoreState, number: number, atMs: number): void {
  const delivery = deliveryOf(state, number);
  giveBack(state, delivery, atMs);
  accountOf(state, delivery.account).openDeliveries -= 1;
  state.deliveries.delete(number);
}

function deliveryOf(state: CoreState, number: number) {
  const delivery = state.deliveries.get(number);
  if (delivery === undefined) throw new Error(`delivery ${number} is not open`);
  return delivery;
}
