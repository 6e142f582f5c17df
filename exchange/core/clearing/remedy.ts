/**
 * What happens when a supplier fails a delivery before its first byte: other Lots of the buyer, else
 * cover, else a purchase by Auto Mode; at most `attemptsMax` suppliers in all. Nothing is charged
 * before the delivery ends, but what may be is agreed and set aside now.
 */
import type { Command, Reservation } from "#exchange/core/commands.ts";
import { EXCHANGE_ACCOUNT } from "#exchange/core/ledger/account-names.ts";
import { reject } from "#exchange/core/rejections.ts";
import { causeOf } from "#exchange/core/sla/causes.ts";
import { standingOf } from "#exchange/core/sla/standing.ts";
import type { CoreState, Delivery } from "#exchange/core/state.ts";
import { accept, type Decision, policyOf, type Turn } from "#exchange/core/turn.ts";
import { causeOfAbsence } from "./absence-cause.ts";
import {
  chargeCap,
  chargeHolds,
  failuresByRemedy,
  fundAllowance,
  marginFreedBy,
  ownParts,
} from "./charging.ts";
import { largestGapMicros, type Part, tokensOfParts } from "./cost.ts";
import { type CoverPlan, emitCoverSettled, planCover } from "./cover.ts";
import { closeLotIfDone } from "./expiry.ts";
import { lotOf, splitOver, supplierThatHolds } from "./lots.ts";
import { emitPurchase } from "./purchase.ts";
import {
  boughtSource,
  emitReserved,
  type Identity,
  ownSource,
  problemOfKey,
  type Source,
  voidReservation,
  type Wish,
} from "./reservation.ts";
import { collected, planCharge } from "./waterfall.ts";

/** What the supplier that failed, and the fund, will pay at most. */
interface Agreed {
  chargeMicros: bigint;
  guarantyMicros: bigint;
}
export type AgreedCover = CoverPlan & { agreed: Agreed };

/** Another supplier for a delivery whose attempt failed before its first byte. */
export function retryDelivery(
  turn: Turn,
  command: Command<"retry-delivery">,
): Decision<Reservation> {
  const delivery = turn.state.deliveries.get(command.delivery);
  if (delivery === undefined) {
    return reject("delivery-not-found", `delivery ${command.delivery} is not open`);
  }
  if (delivery.attempt !== command.attempt) {
    return reject("delivery-closed", `attempt ${command.attempt} is over`);
  }
  const keyProblem = problemOfKey(turn.state, delivery);
  if (keyProblem !== null) return keyProblem;
  const { cause } = command;
  if (isPoison(turn.state, delivery, cause)) {
    return reject(
      "poison-request",
      "two suppliers failed alike on this request; it is not tried on a third",
    );
  }
  const policy = policyOf(turn.state);
  if (delivery.attempt >= policy.attemptsMax) {
    return reject("no-supplier", `${delivery.attempt} suppliers failed, no further one is tried`);
  }
  const excluded = [...delivery.excluded, delivery.supplier];
  const own = ownSource(turn, delivery, excluded);
  if (own !== null) return accept(emitOtherLots(turn, delivery, cause, own));
  const cover = agreeCover(turn, {
    delivery,
    cause,
    supplier: delivery.supplier,
    failed: delivery.parts,
    own: ownParts(delivery),
    agreedMicros: agreedSoFar(delivery),
    excluded,
  });
  if (cover !== null) return accept(emitCover(turn, delivery.number, cause, cover));
  const bought = boughtSource(turn, delivery, excluded);
  if (bought.ok) return accept(emitOtherLots(turn, delivery, cause, bought.result));
  // That the buyer holds no other Units is no fault of the buyer's here.
  if (bought.rejection.code !== "no-units") return bought;
  return reject("no-supplier", "the supplier failed and nobody can take over now; retry");
}

/**
 * Whether a request broke two suppliers alike, so that it is to blame: the same kind of crash, and none
 * of the two is unwell by what else it was asked.
 */
function isPoison(state: CoreState, delivery: Delivery, cause: string): boolean {
  const { crash } = causeOf(cause);
  const isEvidence = (supplier: number) =>
    standingOf(state, supplier, delivery.symbol)?.isUnwell !== true;
  return (
    crash !== null &&
    isEvidence(delivery.supplier) &&
    delivery.failures.some(
      (failure) => causeOf(failure.cause).crash === crash && isEvidence(failure.supplier),
    )
  );
}

/** Of the exchange's own doing: it pays for others itself. */
const OWN_FAULTS: readonly string[] = ["exchange-slow", "exchange-resuming"];

/** Suppliers of a buyer's Lots that are away and for which cover is looked for, soonest expiry first. */
const AWAY_SUPPLIERS_MAX = 4;

/** Cover from the start, for Lots of a supplier that is away or paused; null when there are none or no cover is to be had. */
export function planAwayCover(turn: Turn, wish: Wish): Source | null {
  const { account, symbol } = wish;
  const tokens = wish.promptTokens + wish.choices * wish.maxOutputTokens;
  const delivery = { number: turn.state.counters.delivery + 1, account, symbol };
  const uncovered: number[] = [];
  while (uncovered.length < AWAY_SUPPLIERS_MAX) {
    const holding = { account, symbol, tokens, excluded: uncovered };
    const supplier = supplierThatHolds(turn.state, holding, turn.nowMs, "away");
    if (supplier === null) return null;
    const own = splitOver(turn.state, { account, symbol, tokens }, supplier, turn.nowMs);
    const cause = causeOfAbsence(turn, supplier, symbol);
    const cover = agreeCover(turn, {
      ...{ delivery, supplier, own, failed: own, agreedMicros: 0n },
      ...{ cause, excluded: [supplier] },
    });
    if (cover !== null) return { supplier, purchase: null, away: { cause, cover } };
    uncovered.push(supplier);
  }
  return null;
}

interface Failing {
  cause: string;
  delivery: Pick<Delivery, "number" | "account" | "symbol">;
  supplier: number;
  /** Lots that the failing supplier would have served. */
  failed: readonly Part[];
  /** Lots of the buyer that pay. */
  own: readonly Part[];
  /** What suppliers that failed before, and the fund, agreed to pay. */
  agreedMicros: bigint;
  excluded: readonly number[];
}

/** Cover that somebody will pay for; null when nobody sells it or its cost could not be collected. */
function agreeCover(turn: Turn, failing: Failing): AgreedCover | null {
  const { state, nowMs } = turn;
  const { delivery, cause, supplier, failed, own, agreedMicros, excluded } = failing;
  const { symbol } = delivery;
  const plan = planCover(state, delivery, own, excluded, nowMs, escrowOf(state, failed, own));
  if (plan === null) return null;
  const chargeMicros = chargeFor(turn, symbol, cause, plan.parts, failed);
  const collectable =
    collected(planCharge(state, supplier, chargeMicros)) +
    (failed === own ? marginFreedBy(state, failed) : 0n);
  const byMoney = collectable < chargeMicros ? collectable : chargeMicros;
  const extra = largestGapMicros(state, symbol, plan.parts, own);
  const missing = extra - agreedMicros - byMoney;
  // What the exchange was itself too slow for, it pays itself.
  const guarantyMicros = missing > 0n && !OWN_FAULTS.includes(cause) ? missing : 0n;
  if (
    guarantyMicros > 0n &&
    guarantyMicros > fundAllowance(state, supplier, symbol, failed, nowMs)
  ) {
    return null;
  }
  return { ...plan, agreed: { chargeMicros, guarantyMicros } };
}

/** What a supplier may have to pay for others serving; nothing for what was not its failure. */
function chargeFor(
  { state, nowMs }: Turn,
  symbol: string,
  cause: string,
  theirs: readonly Part[],
  failed: readonly Part[],
): bigint {
  if (!causeOf(cause).isCharged) return 0n;
  const step = largestGapMicros(state, symbol, theirs, failed);
  const cap = chargeCap(state, symbol, failed, nowMs);
  return step < cap ? step : cap;
}

/** What the exchange gets back of cover that failed: all of it, it is undone. */
function escrowOf(state: CoreState, failed: readonly Part[], own: readonly Part[]): bigint {
  if (failed === own) return 0n;
  return failed.reduce((sum, { lot }) => sum + lotOf(state, lot).valueMicros, 0n);
}

/** By those for which cover was bought: what failed before concerns the Lots that are to pay now. */
function agreedSoFar(delivery: Delivery): bigint {
  let sum = 0n;
  for (const { chargeMaxMicros, guarantyMaxMicros } of failuresByRemedy(delivery).cover) {
    sum += chargeMaxMicros + guarantyMaxMicros;
  }
  return sum;
}

/** The exchange buys, and its Lots serve; the buyer's stay reserved and will pay. */
export function emitCover(
  turn: Turn,
  number: number,
  cause: string,
  cover: AgreedCover,
): Reservation {
  const { state } = turn;
  const delivery = deliveryOf(state, number);
  emitFailed(turn, delivery, cause, "cover", cover.agreed);
  const firstLot = state.counters.lot + 1;
  emitPurchase(turn, EXCHANGE_ACCOUNT, delivery.symbol, cover.purchase);
  const parts = cover.parts.map((part, n) => ({ ...part, lot: firstLot + n }));
  const { supplier } = cover.purchase;
  const reserved = emitReserved(turn, delivery, supplier, parts, nextAttempt(delivery));
  // What the buyer pays is still what its own Lots cost.
  return { ...reserved, parts: ownParts(deliveryOf(state, number)) };
}

/** Other Lots of the buyer serve, and pay at their own price. */
function emitOtherLots(turn: Turn, delivery: Delivery, cause: string, source: Source): Reservation {
  const { state, nowMs } = turn;
  const { account, symbol } = delivery;
  const own = ownParts(delivery);
  // Bought before anything else: what serves may also be the rest of older Lots of that supplier.
  if (source.purchase !== null) emitPurchase(turn, account, symbol, source.purchase);
  const tokens = tokensOfParts(own);
  const theirs = splitOver(state, { account, symbol, tokens }, source.supplier, nowMs);
  const chargeMicros = chargeFor(turn, symbol, cause, theirs, delivery.parts);
  emitFailed(turn, delivery, cause, "lots", { chargeMicros, guarantyMicros: 0n });
  const reservation = emitReserved(turn, delivery, source.supplier, theirs, nextAttempt(delivery));
  // A Lot that had only outlived its expiry for this delivery ends now.
  for (const { lot } of own) closeLotIfDone(turn, lot);
  return reservation;
}

/** Writes the failure down, with what is set aside for it, and undoes the cover that failed. */
function emitFailed(
  turn: Turn,
  delivery: Delivery,
  cause: string,
  remedy: "lots" | "cover",
  { chargeMicros, guarantyMicros }: Agreed,
): void {
  const { state } = turn;
  const { number, supplier, parts, owed } = delivery;
  const charges = chargeHolds(state, number, supplier, { chargeMicros, guarantyMicros });
  const released = remedy === "lots" ? voidReservation(state, delivery) : [];
  turn.emit({
    type: "attempt-failed",
    version: 2,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    delivery: number,
    attempt: delivery.attempt,
    supplier,
    cause,
    remedy,
    chargeMaxMicros: chargeMicros,
    guarantyMaxMicros: guarantyMicros,
    postings: [...released, ...charges],
  });
  if (owed !== null)
    emitCoverSettled(turn, { number, symbol: delivery.symbol, supplier, parts }, 0);
}

function nextAttempt({ number, attempt, requestId, keyId, timeoutAtMs }: Delivery): Identity {
  return { delivery: number, attempt: attempt + 1, requestId, keyId, timeoutAtMs };
}

function deliveryOf(state: CoreState, number: number): Delivery {
  const delivery = state.deliveries.get(number);
  if (delivery === undefined) throw new Error(`delivery ${number} is not open`);
  return delivery;
}
