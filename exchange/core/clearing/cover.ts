/**
 * Cover: when a supplier fails, the exchange buys the whole reservation from another, free of fees and
 * provisionally. At the end what was used is paid, and the rest undone as if it had never been bought.
 */
import { COVER, deliveryHold, EXCHANGE_ACCOUNT } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { referencePriceTicks } from "#exchange/core/market/reference-price.ts";
import type { CoreState, Delivery } from "#exchange/core/state.ts";
import { canServe, isLinked } from "#exchange/core/supply/capacity.ts";
import { enforceCapacity } from "#exchange/core/supply/issuance.ts";
import { instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { costOfNext, type Part, tokensOfParts } from "./cost.ts";
import { lotOf, namesOfLot } from "./lots.ts";
import { type PurchasePlan, planPurchase, purchaseParts } from "./purchase.ts";

export interface CoverPlan {
  purchase: PurchasePlan;
  /** What it would serve, at which prices. */
  parts: Part[];
}

/**
 * The cheapest supplier that can take over a whole reservation, within reach of the reference price
 * and of the exchange's working money, with what comes back of cover that failed; null when there is
 * none.
 */
export function planCover(
  state: CoreState,
  delivery: Pick<Delivery, "account" | "symbol">,
  own: readonly Part[],
  excluded: readonly number[],
  nowMs: number,
  undoneMicros: bigint,
): CoverPlan | null {
  const { symbol } = delivery;
  const tokens = tokensOfParts(own);
  // Without a reference it is the failed supplier's own price that cover may not leave behind.
  const reference =
    referencePriceTicks(instrumentOf(state, symbol), nowMs) ??
    Math.max(...own.map(({ priceTicks }) => priceTicks));
  const { coverPriceBpsMax } = policyOf(state).sla;
  const limitTicks = reference + Math.floor((reference * coverPriceBpsMax) / 10_000);
  const purchase = planPurchase(state, EXCHANGE_ACCOUNT, symbol, tokens, {
    excluded: [...excluded, delivery.account],
    nowMs,
    limitTicks,
  });
  if (purchase === null) return null;
  if (purchase.requiredMicros > state.ledger.free(COVER) + undoneMicros) return null;
  return { purchase, parts: purchaseParts(state, symbol, purchase, tokens) };
}

/** Ends the cover that serves a delivery: `usedTokens` are paid to its supplier, the rest undone. */
export function emitCoverSettled(
  turn: Turn,
  delivery: Pick<Delivery, "number" | "symbol" | "supplier" | "parts">,
  usedTokens: number,
): bigint {
  const { state } = turn;
  const postings: Posting[] = [];
  const parts: {
    lot: number;
    usedTokens: number;
    undoneTokens: number;
    costMicros: bigint;
  }[] = [];
  let left = usedTokens;
  for (const part of delivery.parts) {
    const used = Math.min(left, part.tokens);
    left -= used;
    const ended = endOfCoverLot(state, delivery, part, used);
    postings.push(...ended.postings);
    parts.push(ended.part);
  }
  const costMicros = parts.reduce((sum, part) => sum + part.costMicros, 0n);
  turn.emit({
    type: "cover-settled",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    delivery: delivery.number,
    supplier: delivery.supplier,
    usedTokens,
    costMicros,
    parts,
    postings: postings.filter(({ amount }) => amount > 0n),
  });
  // Its Units are unsold again, and its capacity may have fallen since they were bought. Who lost its
  // link keeps them until its grace is over.
  const { supplier, symbol } = delivery;
  const isInGrace = (state.attendance.get(supplier)?.graceEndsAtMs ?? null) !== null;
  if (canServe(state, supplier, symbol) || (!isLinked(state, supplier) && !isInGrace)) {
    enforceCapacity(turn, supplier, symbol, "capacity_fell");
  }
  return costMicros;
}

function endOfCoverLot(
  state: CoreState,
  delivery: Pick<Delivery, "number">,
  part: Part,
  usedTokens: number,
) {
  const { ledger } = state;
  const lot = lotOf(state, part.lot);
  const names = namesOfLot(lot);
  const { issuer, issued } = ledger.names.supply(lot.supplier, lot.symbol);
  const costMicros = costOfNext(lot, usedTokens);
  const undoneTokens = lot.tokens - usedTokens;
  const hold = deliveryHold(delivery.number, lot.number);
  const postings: Posting[] = [
    { kind: "post", hold, to: issuer, amount: BigInt(usedTokens) },
    { kind: "void", hold, amount: BigInt(part.tokens - usedTokens) },
    { kind: "move", from: names.tokens, to: issued, amount: BigInt(undoneTokens) },
    {
      kind: "move",
      from: names.escrow,
      to: ledger.names.pendingPay(lot.supplier),
      amount: costMicros,
    },
    { kind: "move", from: names.escrow, to: COVER, amount: lot.valueMicros - costMicros },
    { kind: "void", hold: names.margin, amount: ledger.holdAmount(names.margin) },
  ];
  return { postings, part: { lot: lot.number, usedTokens, undoneTokens, costMicros } };
}
