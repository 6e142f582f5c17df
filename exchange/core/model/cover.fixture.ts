/** The naive market's rules of cover: what the exchange buys when a supplier fails, and how that ends. */
import { causeOf } from "#exchange/core/sla/causes.ts";
import { cutToCapacity } from "./capacity.fixture.ts";
import * as charges from "./charges.fixture.ts";
import * as m from "./market.fixture.ts";
import { type Asks, cheapestAsks, priceOf, purchase, type Wish } from "./sources.fixture.ts";

type Model = m.Model;

/** What a supplier may have to pay for others: the largest difference, up to the cap. */
export function chargeMaxOf(
  model: Model,
  symbol: string,
  theirs: m.ModelPart[],
  failed: m.ModelPart[],
): bigint {
  const gap = charges.largestGap(model, symbol, theirs, failed);
  return m.smaller(gap, charges.chargeCap(model, symbol, failed));
}

export interface Failing {
  wish: Wish;
  cause: string;
  supplier: number;
  /** What it would have served. */
  parts: m.ModelPart[];
  /** The buyer's Lots, which pay. */
  paying: m.ModelPart[];
  /** What others agreed to pay since these Lots are to pay. */
  agreed: bigint;
  failed: number[];
}

export interface Cover {
  asks: Asks;
  chargeMax: bigint;
}

/** Cover within reach of the reference price and of the exchange's money, if its cost will be paid. */
export function findCover(model: Model, failing: Failing): Cover | null {
  const { wish, cause, supplier, parts, paying, agreed, failed } = failing;
  const { symbol } = wish;
  const reference =
    charges.referenceTicks(model, symbol) ?? Math.max(...paying.map((part) => part.ticks));
  const most = reference + Math.floor((reference * model.policy.sla.coverPriceBpsMax) / 10_000);
  const others = [...failed, wish.account];
  const asks = cheapestAsks(model, wish, others, most);
  if (asks === null) {
    const dear = cheapestAsks(model, wish, others, Number.POSITIVE_INFINITY);
    if (dear !== null) model.tally.add("state: cover too dear");
    return null;
  }
  // What was bought and failed is undone first: its money is there again.
  const isFirst = parts === paying;
  const undone = isFirst ? [] : parts.map((part) => part.lot);
  const escrow = model.lots.filter((lot) => undone.includes(lot.number)).map((lot) => lot.value);
  if (priceOf(model, asks) > m.freeMoney(model, m.EXCHANGE) + m.sum(escrow)) {
    model.tally.add("state: no money for cover");
    return null;
  }
  const theirs = plannedParts(model, wish, asks, charges.tokensOfParts(paying));
  const chargeMax = causeOf(cause).isCharged ? chargeMaxOf(model, symbol, theirs, parts) : 0n;
  const there = charges.payable(model, supplier, chargeMax);
  const setFree = isFirst ? charges.bondSetFree(model, parts) : 0n;
  const sure = m.smaller(chargeMax, there.pending + there.bond + setFree);
  // What is the exchange's own doing it pays itself; the guaranty fund stands behind nobody yet.
  const isOwn = cause === "exchange-resuming";
  if (!isOwn && charges.largestGap(model, symbol, theirs, paying) > agreed + sure) {
    model.tally.add("state: nobody would pay for cover");
    return null;
  }
  return { asks, chargeMax };
}

function plannedParts(model: Model, wish: Wish, { buys }: Asks, tokens: number): m.ModelPart[] {
  let missing = tokens;
  return buys.map(({ ask, quantity }) => {
    const taken = Math.min(missing, m.tokensOf(model, wish.symbol, quantity));
    missing -= taken;
    return { lot: 0, tokens: taken, ticks: ask.ticks };
  });
}

/** Buys cover; its Lots, which belong to the exchange, serve whole. */
export function buyCover(model: Model, wish: Wish, { asks }: Cover): m.ModelPart[] {
  model.tally.add("state: cover bought");
  const paid = wish.prompt + wish.choices * wish.output;
  const planned = plannedParts(model, wish, asks, paid);
  const first = model.counts.lot + 1;
  purchase(model, m.EXCHANGE, wish.symbol, asks);
  return planned.map((part, at) => ({ ...part, lot: first + at }));
}

/** Pays for what was used of cover, and undoes the rest as if it had never been bought. */
export function endCover(model: Model, delivery: m.ModelDelivery, used: number): bigint {
  let unpaid = used;
  let cost = 0n;
  const { supplier, symbol } = delivery;
  const supply = m.supplyOf(model, supplier, symbol);
  for (const part of delivery.parts) {
    const lot = m.the(model.lots, (each) => each.number === part.lot);
    const tokens = Math.min(unpaid, part.tokens);
    unpaid -= tokens;
    const price = (lot.value * BigInt(tokens)) / BigInt(lot.tokens);
    cost += price;
    m.accountOf(model, supplier).pending += price;
    model.exchange.available += lot.value - price;
    supply.unsold += lot.tokens - tokens;
    supply.deliveredEver += tokens;
    model.lots = model.lots.filter((each) => each !== lot);
  }
  delivery.parts = [];
  if (used < m.count(m.payingParts(delivery).map((part) => part.tokens))) {
    model.tally.add(`state: cover undone${used > 0 ? " in part" : ""}`);
  }
  // Who may still come back keeps its Units until its grace is over.
  const isAway = model.graces.some((grace) => grace.account === supplier);
  if (isAway) model.tally.add("state: cover of a supplier in its grace undone");
  else if (m.canServe(model, supplier, symbol) || !m.isLinked(model, supplier)) {
    cutToCapacity(model, supplier, symbol);
  }
  return cost;
}
