/** The naive market's rules of charges: how much a failure may cost a supplier, and who pays with what. */
import * as m from "./market.fixture.ts";

type Model = m.Model;
type Part = m.ModelPart;

const FILLS_COUNTED = 21;
const FILLS_MIN = 5;
const FILL_AGE_MS_MAX = 3_600_000;

/** The median of the last 21 fills, of those that are at most an hour old and at least five. */
export function referenceTicks(model: Model, symbol: string): number | null {
  const recent = model.fills
    .filter((fill) => fill.symbol === symbol)
    .slice(-FILLS_COUNTED)
    .filter((fill) => model.nowMs - fill.atMs <= FILL_AGE_MS_MAX)
    .map((fill) => fill.ticks)
    .sort((a, b) => a - b);
  return recent.length < FILLS_MIN ? null : (recent[Math.floor(recent.length / 2)] ?? null);
}

export const tokensOfParts = (parts: readonly Part[]): number =>
  m.count(parts.map((part) => part.tokens));

/** What the first so many tokens of a reservation come to at the prices of its Lots, rounded down once. */
export function worthOfParts(
  model: Model,
  symbol: string,
  parts: readonly Part[],
  tokens = tokensOfParts(parts),
): bigint {
  let missing = tokens;
  let ticksTokens = 0n;
  for (const part of parts) {
    ticksTokens += BigInt(Math.min(missing, part.tokens)) * BigInt(part.ticks);
    missing -= Math.min(missing, part.tokens);
  }
  const { tickMicrosPerUnit } = m.instrumentOf(model, symbol);
  return (ticksTokens * BigInt(tickMicrosPerUnit)) / 1_000_000n;
}

/** The most that others may cost more, wherever the answer ends; a micro-dollar more per part for rounding. */
export function largestGap(model: Model, symbol: string, theirs: Part[], ours: Part[]): bigint {
  const ends = [theirs, ours].flatMap((parts) =>
    parts.map((_part, at) => tokensOfParts(parts.slice(0, at + 1))),
  );
  const gaps = ends.map(
    (end) => worthOfParts(model, symbol, theirs, end) - worthOfParts(model, symbol, ours, end),
  );
  const gap = gaps.reduce(m.larger, 0n);
  return gap === 0n ? 0n : gap + BigInt(theirs.length + ours.length);
}

/** The policy's part of the reservation's worth, at its own or at the reference price. */
export function chargeCap(model: Model, symbol: string, parts: Part[]): bigint {
  const ticks = referenceTicks(model, symbol) ?? 0;
  const atReference = [{ lot: 0, tokens: tokensOfParts(parts), ticks }];
  const fair = m.larger(
    worthOfParts(model, symbol, parts),
    worthOfParts(model, symbol, atReference),
  );
  return (fair * BigInt(model.policy.sla.coverChargeBpsMax)) / 10_000n;
}

/** What a supplier can pay of an amount now: from its pay, then from bond behind nothing. */
export function payable(model: Model, supplier: number, amount: bigint) {
  const free = m.accountOf(model, supplier).pending - m.heldPay(model, supplier);
  const pending = m.smaller(amount, free);
  return { pending, bond: m.smaller(amount - pending, m.freeBond(model, supplier)) };
}

/** Bond that Lots set free when so much of them is used. */
export const bondSetFree = (model: Model, parts: readonly Part[]): bigint =>
  m.sum(
    parts.map(({ lot: number, tokens }) => {
      const lot = m.the(model.lots, (each) => each.number === number);
      const paid = (lot.value * BigInt(lot.used + tokens)) / BigInt(lot.tokens);
      return lot.margin - m.smaller(lot.margin, m.shareUp(lot.value - paid, lot.share));
    }),
  );

/** Takes an amount from a supplier, last from the bond behind a Lot; what is not there it owes. */
export function charge(
  model: Model,
  supplier: number,
  amount: bigint,
  lot: m.ModelLot | null,
): { taken: bigint; owed: bigint } {
  const account = m.accountOf(model, supplier);
  const { pending, bond } = payable(model, supplier, amount);
  const margin = lot === null ? 0n : m.smaller(amount - pending - bond, lot.margin);
  if (margin > 0n) model.tally.add("state: charge took the bond behind its Lot");
  account.pending -= pending;
  account.bond -= bond + margin;
  if (lot !== null) lot.margin -= margin;
  const taken = pending + bond + margin;
  return { taken, owed: amount - taken };
}

/** `atMs` is when it was due. */
export function owe(model: Model, supplier: number, amount: bigint, atMs = model.nowMs): void {
  if (amount === 0n) return;
  model.tally.add("state: default");
  m.accountOf(model, supplier).debt += amount;
  model.defaults.push({ account: supplier, atMs });
}

/** What a delivery came to. */
export interface Served {
  used: number;
  /** What the buyer's Lots paid, and what was paid for cover. */
  paid: bigint;
  coverCost: bigint | null;
}

/**
 * When a delivery has ended. The buyer gets what its Lots cost more than those of the supplier that
 * failed first, from those that failed before these Lots were to pay; the exchange what cover cost more
 * than these Lots, from those that failed since. Called when nothing is set aside any more.
 */
export function chargeFailures(model: Model, delivery: m.ModelDelivery, served: Served): void {
  const { failures, account } = delivery;
  const reserved = BigInt(tokensOfParts(m.payingParts(delivery)));
  const costAt = ({ worth }: m.ModelFailure) => (worth * BigInt(served.used)) / reserved;
  const since = failuresSincePayer(delivery);
  const before = failures.filter((failure) => !since.includes(failure));
  const first = before[0];
  if (first !== undefined) {
    const extra = served.paid - costAt(first);
    const got = collect(model, before, { extra, cost: served.paid, costAt, isCover: false });
    m.accountOf(model, account).available += got;
    if (got > 0n) model.tally.add("state: price difference paid");
    if (got > 0n && since.length > 0) model.tally.add("state: price difference paid under cover");
  }
  if (served.coverCost !== null) {
    const extra = served.coverCost - served.paid;
    const got = collect(model, since, { extra, cost: served.coverCost, costAt, isCover: true });
    model.exchange.available += got;
    if (got > 0n) model.tally.add("state: cover charged");
    if (extra < 0n) model.tally.add("state: cover cheaper than the Lot");
  }
}

/** Those for which the exchange bought cover: of the supplier whose Lots pay, and of cover that failed. */
export function failuresSincePayer({ failures, owed }: m.ModelDelivery): m.ModelFailure[] {
  const payer = failures.findIndex((failure) => failure.supplier === owed?.supplier);
  return payer < 0 ? [] : failures.slice(payer);
}

interface Claim {
  extra: bigint;
  cost: bigint;
  costAt: (failure: m.ModelFailure) => bigint;
  isCover: boolean;
}

/** The last that failed pays first: what the next one cost more than itself; the first one the rest. */
function collect(model: Model, failures: m.ModelFailure[], claim: Claim): bigint {
  let missing = m.larger(0n, claim.extra);
  let next = claim.cost;
  for (const failure of [...failures].reverse()) {
    const step = failure === failures[0] ? missing : m.larger(0n, next - claim.costAt(failure));
    next = claim.costAt(failure);
    const due = m.smaller(m.smaller(missing, failure.chargeMax), step);
    if (due < step) model.tally.add("state: charge capped");
    const { taken, owed } = charge(model, failure.supplier, due, null);
    // A buyer gets what is there; the exchange's claim stands.
    if (claim.isCover) owe(model, failure.supplier, owed);
    else if (owed > 0n) model.tally.add("state: price difference not paid in full");
    missing -= taken;
  }
  return m.larger(0n, claim.extra) - missing;
}
