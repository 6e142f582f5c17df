/** Lots and deliveries: escrow equals the value still owed, the bond behind it is there, and all have an end. */
import { tokensOfParts } from "#exchange/core/clearing/cost.ts";
import { hasExpired } from "#exchange/core/clearing/halts.ts";
import { nextSweepMs } from "#exchange/core/clearing/sweep-times.ts";
import type { DueKind } from "#exchange/core/due-queue.ts";
import {
  deliveryHold,
  EXCHANGE_ACCOUNT,
  lotEscrow,
  lotMargin,
  lotTokens,
} from "#exchange/core/ledger/account-names.ts";
import type { CoreState, Delivery, Lot } from "#exchange/core/state.ts";
import { divideFloor, shareCeil } from "#protocol/money.ts";
import { count } from "./sums.ts";

/** Whether what is past its time still stands in the queue of due items: by then it runs at the next command. */
export function isDue({ due, nowMs }: CoreState, kind: DueKind, id: number): boolean {
  return due.waits(kind, id, nowMs);
}

export function lotBreaches(state: CoreState, lot: Lot): string[] {
  const breaches: string[] = [];
  const where = `Lot ${lot.number}`;
  const expect = (what: string, found: unknown, expected: unknown) => {
    if (found !== expected) breaches.push(`${where}: ${what} is ${found}, expected ${expected}`);
  };
  const { ledger } = state;
  const owed = lot.valueMicros - lot.paidMicros;
  expect("escrow", ledger.balance(lotEscrow(lot.number)), owed);
  const needed = shareCeil(owed, lot.marginBps);
  const bonded = needed < lot.bondedMicros ? needed : lot.bondedMicros;
  expect("the bond behind it", ledger.holdAmount(lotMargin(lot.number)), bonded);
  const paid = divideFloor(lot.valueMicros * BigInt(lot.usedTokens), BigInt(lot.tokens));
  expect("what it paid so far", lot.paidMicros, paid);
  const left = lotTokens(lot.number, lot.symbol);
  expect("what is left of its tokens", ledger.balance(left), BigInt(lot.tokens - lot.usedTokens));
  const free = Number(ledger.free(left));
  expect("its free tokens in the index", lot.freeTokens, free);
  const isHeld = ledger.held(left) > 0n;
  if (lot.tradingSinceMs === null) {
    expect("being drawn on", lot.openDeliveries > 0, isHeld);
    expect("being in its owner's holding", state.holdings.has(lot), true);
    expect("having an end", lot.enteredAtMs !== null && lot.expiresAtMs !== null, true);
  } else breaches.push(...tradingBreaches(state, lot));
  expect(
    "being among its owner's",
    state.accounts.get(lot.owner)?.lots.has(lot.number) === true,
    true,
  );
  if (lot.owner === lot.supplier) breaches.push(`${where} is owned by the supplier that owes it`);
  const isOver = hasExpired(state, lot, state.nowMs);
  if (isOver && lot.openDeliveries === 0 && !isDue(state, "lot-expiry", lot.number)) {
    breaches.push(`${where} expired at ${lot.expiresAtMs}, and nothing will end it`);
  }
  return breaches;
}

/** In Trading a Lot is untouched, and is swept at the next point of the grid. */
function tradingBreaches(state: CoreState, lot: Lot): string[] {
  const breaches: string[] = [];
  const where = `Lot ${lot.number} in Trading`;
  if (lot.usedTokens > 0 || lot.openDeliveries > 0) breaches.push(`${where} was drawn on`);
  if (!state.tradingLots.has(lot)) breaches.push(`${where} is not found there`);
  const held = ledgerHeld(state, lot);
  if (BigInt(lot.tokens - lot.freeTokens) !== held) {
    breaches.push(`${where} has ${held} on offer, ${lot.tokens - lot.freeTokens} are not free`);
  }
  const sweptMs = nextSweepMs(lot.tradingSinceMs ?? 0);
  const waitsUntilMs = state.accounts.get(lot.owner)?.sweepsAtMs ?? null;
  const isAwaited =
    sweptMs <= state.nowMs
      ? isDue(state, "sweep", lot.owner)
      : waitsUntilMs !== null && waitsUntilMs <= sweptMs;
  if (!isAwaited) breaches.push(`${where} is swept at ${sweptMs}, and nothing will do it`);
  return breaches;
}

function ledgerHeld({ ledger }: CoreState, lot: Lot): bigint {
  return ledger.held(lotTokens(lot.number, lot.symbol));
}

export function* strayBreaches(state: CoreState): Generator<string> {
  for (const { number } of state.tradingLots.strays()) {
    yield `Lot ${number} is found in Trading, where it is not`;
  }
}

export function deliveryBreaches(state: CoreState, delivery: Delivery): string[] {
  const breaches: string[] = [];
  const where = `delivery ${delivery.number}`;
  const { promptTokens, choices, maxOutputTokens } = delivery;
  const wanted = promptTokens + choices * maxOutputTokens;
  // Under cover the buyer's Lots wait, and as many tokens of the exchange's serve.
  const served = { owner: delivery.account, supplier: delivery.supplier, parts: delivery.parts };
  const reservations =
    delivery.owed === null
      ? [served]
      : [
          { ...served, owner: EXCHANGE_ACCOUNT },
          { ...delivery.owed, owner: delivery.account },
        ];
  for (const reservation of reservations) {
    breaches.push(...partBreaches(state, delivery, reservation));
    const reserved = tokensOfParts(reservation.parts);
    if (reserved !== wanted) breaches.push(`${where} reserves ${reserved}, expected ${wanted}`);
  }
  if (delivery.excluded.includes(delivery.supplier)) {
    breaches.push(`${where} is at supplier ${delivery.supplier}, which failed it before`);
  }
  const isOver = delivery.timeoutAtMs <= state.nowMs;
  if (isOver && !isDue(state, "delivery-timeout", delivery.number)) {
    breaches.push(`${where} ran out at ${delivery.timeoutAtMs}, and nothing will end it`);
  }
  return breaches;
}

function partBreaches(
  state: CoreState,
  delivery: Delivery,
  { owner, supplier, parts }: { owner: number; supplier: number; parts: Delivery["parts"] },
): string[] {
  const breaches: string[] = [];
  const where = `delivery ${delivery.number}`;
  for (const part of parts) {
    const held = state.ledger.holdAmount(deliveryHold(delivery.number, part.lot));
    if (held !== BigInt(part.tokens)) {
      breaches.push(`${where} holds ${held} of Lot ${part.lot}, expected ${part.tokens}`);
    }
    const lot = state.lots.get(part.lot);
    if (lot === undefined) breaches.push(`${where} draws on Lot ${part.lot}, which is not open`);
    else if (lot.supplier !== supplier || lot.owner !== owner) {
      breaches.push(`${where} draws on Lot ${part.lot} of another supplier or owner`);
    }
  }
  return breaches;
}

/**
 * What deliveries are counted as, in one step: there are as many as requests in flight, and all of them
 * have to be seen at once. A Lot that counts a delivery which is not there is told by its own row.
 */
export function* deliveryCountBreaches(state: CoreState): Generator<string> {
  const drawn = new Map<number, number>();
  const open = new Map<number, number>();
  for (const delivery of state.deliveries.values()) {
    count(open, delivery.account);
    for (const part of delivery.parts) count(drawn, part.lot);
    for (const part of delivery.owed?.parts ?? []) count(drawn, part.lot);
  }
  for (const [number, draws] of drawn) {
    const counted = state.lots.get(number)?.openDeliveries ?? 0;
    if (counted !== draws) {
      yield `Lot ${number} counts ${counted} deliveries, ${draws} draw on it`;
    }
  }
  for (const { number, openDeliveries } of state.accounts.values()) {
    const deliveries = open.get(number) ?? 0;
    if (deliveries !== openDeliveries) {
      yield `account ${number} counts ${openDeliveries} deliveries, ${deliveries} are open`;
    }
  }
}
