/** What delivery and Lot events do to the state. */
import { ownParts } from "#exchange/core/clearing/charging.ts";
import { tokensOfParts, valueOfParts } from "#exchange/core/clearing/cost.ts";
import { lotOf, namesOfLot } from "#exchange/core/clearing/lots.ts";
import { awaitSweep } from "#exchange/core/clearing/sweep-times.ts";
import type { EventOf } from "#exchange/core/events.ts";
import { causeOf } from "#exchange/core/sla/causes.ts";
import { lotClosed, openCard } from "#exchange/core/sla/scorecard.ts";
import { beginTrial, endTrial } from "#exchange/core/sla/trials.ts";
import type { FailedAttempt } from "#exchange/core/sla/verdict.ts";
import type { CoreState, Delivery, Lot } from "#exchange/core/state.ts";
import { accountOf, policyOf } from "#exchange/core/turn.ts";
import { divideFloor } from "#protocol/money.ts";
import type { Appliers } from "./apply.ts";
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
  | "lot-split"
  | "units-transferred"
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
      giveBack(state, delivery);
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
      lot.usedTokens += part.tokens;
      lot.paidMicros += part.costMicros;
      const supply = openSupply(state, lot.supplier, lot.symbol);
      supply.owedTokens -= part.tokens;
      // Covered, another delivered what this one owed.
      if (lot.supplier === deliveryOf(state, delivery).supplier) {
        supply.deliveredTokens += part.tokens;
      }
    }
    closeDelivery(state, delivery);
  },
  "delivery-released": (state, { delivery }) => closeDelivery(state, delivery),
  "lot-expired": (state, { lot: number, unusedTokens, atMs }) => {
    const lot = lotOf(state, number);
    openSupply(state, lot.supplier, lot.symbol).owedTokens -= unusedTokens;
    closeLot(state, lot, atMs);
  },
  "lot-consumed": (state, { lot, atMs }) => closeLot(state, lotOf(state, lot), atMs),
  "lot-split": splitInTwo,
  "units-transferred": (state, { account, lots, to, enteredAtMs, expiresAtMs, atMs }) => {
    state.counters.transfer += 1;
    for (const number of lots) {
      const lot = lotOf(state, number);
      if (to === "trading") {
        state.holdings.remove(lot);
        lot.tradingSinceMs = atMs;
        state.tradingLots.add(lot);
        awaitSweep(state, account, atMs);
        continue;
      }
      state.tradingLots.remove(lot);
      lot.tradingSinceMs = null;
      if (lot.expiresAtMs === null && expiresAtMs !== null) {
        lot.enteredAtMs = enteredAtMs;
        lot.expiresAtMs = expiresAtMs;
        state.due.push({ dueMs: expiresAtMs, kind: "lot-expiry", id: number });
      }
      state.holdings.add(lot);
    }
  },
};

/** The new Lot is like the old one in all but its size and its bond. */
function splitInTwo(state: CoreState, event: EventOf<"lot-split">): void {
  const { into, tokens, valueMicros, keptMarginMicros, marginMicros } = event;
  const lot = lotOf(state, event.lot);
  takeTokens(state, lot, tokens);
  state.lotWatch?.splits(lot, valueMicros);
  lot.tokens -= tokens;
  lot.valueMicros -= valueMicros;
  lot.bondedMicros = keptMarginMicros;
  addLot(state, {
    ...lot,
    number: into,
    tokens,
    valueMicros,
    bondedMicros: marginMicros,
    usedTokens: 0,
    paidMicros: 0n,
    openDeliveries: 0,
    freeTokens: tokens,
    names: null,
  });
}

/** A Lot that comes of another: its supplier owes as much as before. */
function addLot(state: CoreState, lot: Lot): void {
  const { number, owner, expiresAtMs, tradingSinceMs } = lot;
  state.counters.lot = number;
  state.lots.set(number, lot);
  accountOf(state, owner).lots.add(number);
  if (expiresAtMs !== null) state.due.push({ dueMs: expiresAtMs, kind: "lot-expiry", id: number });
  if (tradingSinceMs === null) state.holdings.add(lot);
  else {
    state.tradingLots.add(lot);
    awaitSweep(state, owner, tradingSinceMs);
  }
}

/** Free tokens leave a Lot. */
function takeTokens(state: CoreState, lot: Lot, tokens: number): void {
  if (lot.tradingSinceMs === null) state.holdings.free(lot, -tokens);
  else lot.freeTokens -= tokens;
}

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
function giveBack(state: CoreState, delivery: Delivery): void {
  for (const part of ownParts(delivery)) {
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

function closeLot(state: CoreState, lot: Lot, atMs: number): void {
  const { escrow, tokens } = namesOfLot(lot);
  state.ledger.forget(escrow);
  state.ledger.forget(tokens);
  state.holdings.remove(lot);
  state.tradingLots.remove(lot);
  lotClosed(state, lot, atMs);
  accountOf(state, lot.owner).lots.delete(lot.number);
  state.lots.delete(lot.number);
}

function deliveryOf(state: CoreState, number: number) {
  const delivery = state.deliveries.get(number);
  if (delivery === undefined) throw new Error(`delivery ${number} is not open`);
  return delivery;
}
