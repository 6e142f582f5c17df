/**
 * Charging suppliers for failures: what is set aside when another takes over, and what is taken when
 * the delivery ends. Rules: design of the clearing house, "Fail"; cover costs what it costs more than
 * the failed Lot (UCC 2-712), capped, the guaranty fund behind it.
 */
import {
  available,
  CHARGE_SOURCES,
  COVER,
  chargeHold,
  GUARANTY,
} from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { referencePriceTicks } from "#exchange/core/market/reference-price.ts";
import { standingOf } from "#exchange/core/sla/standing.ts";
import type { FailedAttempt } from "#exchange/core/sla/verdict.ts";
import type { CoreState, Delivery } from "#exchange/core/state.ts";
import { instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { BASIS_POINTS, divideFloor, shareCeil, shareFloor } from "#protocol/money.ts";
import { costOfNext, type Part, tokensOfParts, valueOfParts } from "./cost.ts";
import { lotOf, namesOfLot } from "./lots.ts";
import { chargePostings, collected, planCharge } from "./waterfall.ts";

/** The Lots of the buyer that a delivery is paid with. */
export function ownParts(delivery: Delivery): Part[] {
  return delivery.owed?.parts ?? delivery.parts;
}

/** The larger of what a reservation costs and what it would at the reference price. */
function fairValue(
  state: CoreState,
  symbol: string,
  parts: readonly Part[],
  nowMs: number,
): bigint {
  const tokens = tokensOfParts(parts);
  const value = valueOfParts(state, symbol, parts, tokens);
  const ticks = referencePriceTicks(instrumentOf(state, symbol), nowMs);
  if (ticks === null) return value;
  const atReference = valueOfParts(state, symbol, [{ lot: 0, tokens, priceTicks: ticks }], tokens);
  return value > atReference ? value : atReference;
}

/** Most that a supplier pays for others having served this reservation. */
export function chargeCap(
  state: CoreState,
  symbol: string,
  parts: readonly Part[],
  nowMs: number,
): bigint {
  const { coverChargeBpsMax } = policyOf(state).sla;
  return shareFloor(fairValue(state, symbol, parts, nowMs), coverChargeBpsMax);
}

/** Margin that these Lots set free once the reservation on them is used: it pays for their failure. */
export function marginFreedBy(state: CoreState, parts: readonly Part[]): bigint {
  let freed = 0n;
  for (const part of parts) {
    const lot = lotOf(state, part.lot);
    const left = lot.valueMicros - lot.paidMicros - costOfNext(lot, part.tokens);
    const margin = state.ledger.holdAmount(namesOfLot(lot).margin);
    const needed = shareCeil(left, lot.marginBps);
    if (margin > needed) freed += margin - needed;
  }
  return freed;
}

/** What the guaranty fund may still add for a supplier's Lots in this window. */
export function fundAllowance(
  state: CoreState,
  supplier: number,
  symbol: string,
  parts: readonly Part[],
  nowMs: number,
): bigint {
  const { windowMs, fundCoverMicrosMax, fundPriceBpsMin } = policyOf(state).sla;
  if (!mayUseFund(state, supplier, symbol)) return 0n;
  const value = valueOfParts(state, symbol, parts, tokensOfParts(parts));
  const fair = fairValue(state, symbol, parts, nowMs);
  if (value * BASIS_POINTS < fair * BigInt(fundPriceBpsMin)) return 0n;
  const use = state.fundUse.get(supplier);
  const usedMicros = use?.windowStartMs === nowMs - (nowMs % windowMs) ? use.micros : 0;
  const left = BigInt(fundCoverMicrosMax - usedMicros) - fundPledged(state, supplier);
  const allowed = left > 0n ? left : 0n;
  const free = state.ledger.free(GUARANTY);
  return allowed < free ? allowed : free;
}

/** What the fund has agreed to pay for a supplier in deliveries that have not ended. */
function fundPledged(state: CoreState, supplier: number): bigint {
  let sum = 0n;
  for (const { failures } of state.deliveries.values()) {
    for (const failure of failures) {
      if (failure.supplier === supplier) sum += failure.guarantyMaxMicros;
    }
  }
  return sum;
}

/** Whether the fund stands behind a supplier: not before it has proven itself. */
function mayUseFund(state: CoreState, supplier: number, symbol: string): boolean {
  const standing = standingOf(state, supplier, symbol);
  return standing !== null && standing.tier !== "probation";
}

/** Holds that keep a charge collectable until the delivery ends, as far as the money is there. */
export function chargeHolds(
  state: CoreState,
  delivery: number,
  supplier: number,
  charge: { chargeMicros: bigint; guarantyMicros: bigint },
): Posting[] {
  const plan = planCharge(state, supplier, charge.chargeMicros);
  const { names } = state.ledger;
  const holds: Posting[] = [
    {
      kind: "hold",
      hold: chargeHold(delivery, supplier, "pending"),
      from: names.pendingPay(supplier),
      amount: plan.pendingMicros,
    },
    {
      kind: "hold",
      hold: chargeHold(delivery, supplier, "holdback"),
      from: names.holdback(supplier),
      amount: plan.holdbackMicros,
    },
    {
      kind: "hold",
      hold: chargeHold(delivery, supplier, "bond"),
      from: names.bond(supplier),
      amount: plan.bondMicros,
    },
    {
      kind: "hold",
      hold: chargeHold(delivery, supplier, "guaranty"),
      from: GUARANTY,
      amount: charge.guarantyMicros,
    },
  ];
  return holds.filter(({ amount }) => amount > 0n);
}

/** Gives back what was set aside for charges of a delivery. */
export function voidChargeHolds({ ledger }: CoreState, delivery: Delivery): Posting[] {
  const voids: Posting[] = [];
  for (const { supplier } of delivery.failures) {
    for (const source of CHARGE_SOURCES) {
      const hold = chargeHold(delivery.number, supplier, source);
      const amount = ledger.holdAmount(hold);
      if (amount > 0n) voids.push({ kind: "void", hold, amount });
    }
  }
  return voids;
}

/** What was used of a delivery, what its buyer's Lots paid for that, and what cover cost. */
export interface Served {
  usedTokens: number;
  costMicros: bigint;
  coverMicros: bigint | null;
}

/** Failures that made other Lots of the buyer pay, and those since then, for which cover was bought. */
export function failuresByRemedy({ failures, owed }: Delivery): {
  lots: FailedAttempt[];
  cover: FailedAttempt[];
} {
  const payer = failures.findIndex(({ supplier }) => supplier === owed?.supplier);
  const covered = payer < 0 ? failures.length : payer;
  return { lots: failures.slice(0, covered), cover: failures.slice(covered) };
}

/**
 * Takes what a delivery cost more from the suppliers that failed it, when its holds are back: for other
 * Lots the buyer is paid, for cover the exchange is, and the fund stands in.
 */
export function emitCharges(turn: Turn, delivery: Delivery, served: Served): void {
  const { lots, cover } = failuresByRemedy(delivery);
  const { costMicros, coverMicros, usedTokens } = served;
  const reserved = BigInt(tokensOfParts(ownParts(delivery)));
  const costAt = ({ reservedMicros }: FailedAttempt) =>
    divideFloor(reservedMicros * BigInt(usedTokens), reserved);
  const [first] = lots;
  if (first !== undefined) {
    const claim = { costMicros, extraMicros: costMicros - costAt(first), costAt, isCover: false };
    emitClaim(turn, delivery, lots, claim);
  }
  if (coverMicros !== null) {
    const extraMicros = coverMicros - costMicros;
    emitClaim(turn, delivery, cover, {
      costMicros: coverMicros,
      extraMicros,
      costAt,
      isCover: true,
    });
  }
}

interface Claim {
  /** What it cost in the end, and how much of that is more than it should have. */
  costMicros: bigint;
  extraMicros: bigint;
  costAt: (failure: FailedAttempt) => bigint;
  isCover: boolean;
}

/** The last that failed pays first: what the next one cost more than itself, at most what was agreed then. */
function emitClaim(
  turn: Turn,
  delivery: Delivery,
  failures: readonly FailedAttempt[],
  { costMicros, extraMicros, costAt, isCover }: Claim,
): void {
  const to = isCover ? COVER : available(delivery.account);
  let left = extraMicros > 0n ? extraMicros : 0n;
  let nextCost = costMicros;
  for (const failure of [...failures].reverse()) {
    const cost = costAt(failure);
    const step = failure === failures[0] ? left : nextCost - cost;
    nextCost = cost;
    if (left === 0n || failure.supplier === delivery.account) continue;
    const amount = smallest(left, failure.chargeMaxMicros, step > 0n ? step : 0n);
    const charge = planCharge(turn.state, failure.supplier, amount);
    // A buyer gets what is there; the exchange's claim stands.
    if (!isCover) charge.owedMicros = 0n;
    const unpaid = left - collected(charge);
    const guaranty = smallest(unpaid, failure.guarantyMaxMicros);
    if (amount === 0n && guaranty === 0n) continue;
    left -= collected(charge) + guaranty;
    const postings = chargePostings(failure.supplier, charge, to);
    if (guaranty > 0n) postings.push({ kind: "move", from: GUARANTY, to, amount: guaranty });
    turn.emit({
      type: "supplier-charged",
      version: 1,
      seq: turn.nextSeq(),
      atMs: turn.nowMs,
      supplier: failure.supplier,
      reason: isCover ? "cover" : "price-difference",
      delivery: delivery.number,
      lot: null,
      bps: null,
      amountMicros: amount,
      owedMicros: charge.owedMicros,
      guarantyMicros: guaranty,
      postings,
    });
  }
}

function smallest(...amounts: bigint[]): bigint {
  return amounts.reduce((least, amount) => (amount < least ? amount : least));
}
