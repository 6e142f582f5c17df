/** Lots and deliveries: escrow equals the value still owed, and nobody owes what nobody holds. */
import { tokensOfParts } from "#exchange/core/clearing/cost.ts";
import {
  deliveryHold,
  EXCHANGE_ACCOUNT,
  issued,
  issuer,
  lotEscrow,
  lotTokens,
} from "#exchange/core/ledger/account-names.ts";
import type { CoreState, Delivery, Lot } from "#exchange/core/state.ts";
import { divideFloor } from "#protocol/money.ts";

export function lotBreaches(state: CoreState, lot: Lot): string[] {
  const breaches: string[] = [];
  const where = `Lot ${lot.number}`;
  const expect = (what: string, found: unknown, expected: unknown) => {
    if (found !== expected) breaches.push(`${where}: ${what} is ${found}, expected ${expected}`);
  };
  const { ledger } = state;
  expect("escrow", ledger.balance(lotEscrow(lot.number)), lot.valueMicros - lot.paidMicros);
  const paid = divideFloor(lot.valueMicros * BigInt(lot.usedTokens), BigInt(lot.tokens));
  expect("what it paid so far", lot.paidMicros, paid);
  const tokens = ledger.balance(lotTokens(lot.number, lot.symbol));
  expect("what is left of its tokens", tokens, BigInt(lot.tokens - lot.usedTokens));
  const free = Number(ledger.free(lotTokens(lot.number, lot.symbol)));
  expect("its free tokens in the index", lot.freeTokens, free);
  expect(
    "being among its owner's",
    state.accounts.get(lot.owner)?.lots.has(lot.number) === true,
    true,
  );
  if (lot.owner === lot.supplier) breaches.push(`${where} is owned by the supplier that owes it`);
  // What is due and has not run yet stands in the queue of due items.
  const isOver = lot.expiresAtMs !== null && lot.expiresAtMs <= state.nowMs;
  if (isOver && lot.openDeliveries === 0 && !state.due.hasDue(state.nowMs)) {
    breaches.push(`${where} expired at ${lot.expiresAtMs}, and nothing will end it`);
  }
  return breaches;
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
  if (delivery.timeoutAtMs <= state.nowMs && !state.due.hasDue(state.nowMs)) {
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

/** Counts that rows keep of each other, and each supplier's promises against the tokens held. */
export function* lotTotalsBreaches(state: CoreState): Generator<string> {
  const drawn = new Map<number, number>();
  const deliveries = new Map<number, number>();
  for (const delivery of state.deliveries.values()) {
    count(deliveries, delivery.account, 1);
    for (const part of delivery.parts) count(drawn, part.lot, 1);
    for (const part of delivery.owed?.parts ?? []) count(drawn, part.lot, 1);
  }
  const owed = new Map<string, number>();
  for (const lot of state.lots.values()) {
    count(owed, `${lot.supplier}/${lot.symbol}`, lot.tokens - lot.usedTokens);
    const draws = drawn.get(lot.number) ?? 0;
    if (draws !== lot.openDeliveries) {
      yield `Lot ${lot.number} counts ${lot.openDeliveries} deliveries, ${draws} draw on it`;
    }
  }
  for (const account of state.accounts.values()) {
    const open = deliveries.get(account.number) ?? 0;
    if (open !== account.openDeliveries) {
      yield `account ${account.number} counts ${account.openDeliveries} deliveries, ${open} are open`;
    }
  }
  for (const [key, supply] of state.supplies) {
    const tokens = owed.get(key) ?? 0;
    if (supply.owedTokens !== tokens) {
      yield `supplier ${key} counts ${supply.owedTokens} tokens owed, its Lots have ${tokens}`;
    }
    const unsold = state.ledger.balance(issued(supply.account, supply.symbol));
    const promised = -state.ledger.balance(issuer(supply.account, supply.symbol));
    if (promised !== unsold + BigInt(tokens)) {
      yield `supplier ${key} promised ${promised} tokens, ${unsold} are unsold and ${tokens} owed`;
    }
    if (supply.inIssuanceTokens < 0 || BigInt(supply.inIssuanceTokens) > unsold) {
      yield `supplier ${key} has ${supply.inIssuanceTokens} tokens in issuance, ${unsold} are unsold`;
    }
    owed.delete(key);
  }
  for (const [key, tokens] of owed) {
    if (tokens > 0) yield `Lots are owed ${tokens} tokens by ${key}, which never issued any`;
  }
}

function count<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
