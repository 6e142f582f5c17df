/** The naive market's rules of how deliveries end: paid for, or given back. */
import type { Command } from "#exchange/core/commands.ts";
import * as charges from "./charges.fixture.ts";
import { endCover } from "./cover.fixture.ts";
import { settleDebt } from "./debt.fixture.ts";
import { find, isCount } from "./deliveries.fixture.ts";
import { countDraws } from "./halts.fixture.ts";
import { noteVerdicts } from "./health.fixture.ts";
import { endLots } from "./lots.fixture.ts";
import * as m from "./market.fixture.ts";
import { topUp } from "./settings.fixture.ts";

type Model = m.Model;

export function settle(model: Model, command: Command<"settle-delivery">): m.Outcome {
  const found = find(model, command);
  if ("ok" in found) return found;
  const { promptTokens, completionTokens } = command;
  if (!isCount(promptTokens, 0) || !isCount(completionTokens, 0)) {
    return m.refused("invalid-quantity");
  }
  const paying = m.payingParts(found);
  const used = Math.min(charges.tokensOfParts(paying), promptTokens + completionTokens);
  if (used < promptTokens + completionTokens) model.tally.add("state: billed at most reserved");
  let unpaid = used;
  let paid = 0n;
  const parts: object[] = [];
  for (const part of paying) {
    const tokens = Math.min(unpaid, part.tokens);
    unpaid -= tokens;
    const lot = m.the(model.lots, (l) => l.number === part.lot);
    const cost = payFor(lot, tokens);
    lot.draws.push({ atMs: model.nowMs, tokens: tokens - part.tokens });
    paid += cost;
    // Who was covered has earned nothing: the exchange has paid who served.
    if (found.owed === null) {
      m.accountOf(model, lot.supplier).pending += cost;
      m.supplyOf(model, lot.supplier, lot.symbol).deliveredEver += tokens;
    } else model.exchange.available += cost;
    const { number, ticks: priceTicks } = lot;
    if (tokens > 0) parts.push({ lot: number, tokens, priceTicks, costMicros: `${cost}` });
  }
  const coverCost = found.owed === null ? null : endCover(model, found, used);
  model.deliveries = model.deliveries.filter((each) => each !== found);
  noteVerdicts(model, found, "good");
  charges.chargeFailures(model, found, { used, paid, coverCost });
  endLots(model, paying);
  payDebts(model, found);
  topUp(model, found.account, found.symbol);
  return m.accepted({ usedTokens: used, costMicros: `${paid}`, parts });
}

/** The part of a Lot's price that its used tokens come to, rounded down, less what was paid. */
function payFor(lot: m.ModelLot, tokens: number): bigint {
  lot.used += tokens;
  const due = (lot.value * BigInt(lot.used)) / BigInt(lot.tokens);
  const cost = due - lot.paid;
  lot.paid = due;
  lot.margin = m.smaller(lot.margin, m.shareUp(lot.value - lot.paid, lot.share));
  return cost;
}

export function release(model: Model, command: Command<"release-delivery">): m.Outcome {
  const found = find(model, command);
  if ("ok" in found) return found;
  giveBack(model, found, command.verdict === "failed" ? { failed: command.cause } : null);
  return m.accepted();
}

/** A delivery that comes to nothing: cover is undone, nobody pays or is charged. */
export function giveBack(
  model: Model,
  delivery: m.ModelDelivery,
  last: { failed: string } | null,
): void {
  if (delivery.owed !== null) endCover(model, delivery, 0);
  model.deliveries = model.deliveries.filter((each) => each !== delivery);
  countDraws(model, m.payingParts(delivery), -1);
  noteVerdicts(model, delivery, last);
  endLots(model, m.payingParts(delivery));
  payDebts(model, delivery);
}

/** Bond that the delivery held is free. */
function payDebts(model: Model, { failures, supplier }: m.ModelDelivery): void {
  for (const failure of failures) settleDebt(model, failure.supplier);
  settleDebt(model, supplier);
}
