/** Deciding on the end of a delivery: the metered tokens are paid, by cumulative floor, and the rest goes back. */

import type { Command, CommandResult, Settlement } from "#exchange/core/commands.ts";
import { COVER, deliveryHold } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { reject } from "#exchange/core/rejections.ts";
import { judgeReleased, judgeSettled } from "#exchange/core/sla/judging.ts";
import type { Delivery, Lot } from "#exchange/core/state.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";
import { shareCeil } from "#protocol/money.ts";
import { emitCharges, ownParts, voidChargeHolds } from "./charging.ts";
import { settleDebt } from "./close-out.ts";
import { costOfNext, type Part, tokensOfParts } from "./cost.ts";
import { emitCoverSettled } from "./cover.ts";
import { closeLotIfDone } from "./expiry.ts";
import { lotOf, namesOfLot } from "./lots.ts";
import { voidReservation } from "./reservation.ts";
import { topUpIfLow } from "./top-up.ts";

type OpenDelivery = Decision<Delivery>;

function openDelivery(turn: Turn, number: number, attempt: number): OpenDelivery {
  const delivery = turn.state.deliveries.get(number);
  if (delivery === undefined) return reject("delivery-not-found", `delivery ${number} is not open`);
  if (delivery.attempt !== attempt) {
    return reject("delivery-closed", `attempt ${attempt} is over, ${delivery.attempt} runs`);
  }
  return accept(delivery);
}

export function settleDelivery(
  turn: Turn,
  command: Command<"settle-delivery">,
): Decision<Settlement> {
  const found = openDelivery(turn, command.delivery, command.attempt);
  if (!found.ok) return found;
  const delivery = found.result;
  // Its end is due and has not run yet: nothing is billed that came after its time.
  if (delivery.timeoutAtMs <= turn.nowMs) {
    return reject("delivery-closed", `delivery ${delivery.number} ran out of time`);
  }
  const { promptTokens, completionTokens } = command;
  if (!isCount(promptTokens) || !isCount(completionTokens)) {
    return reject("invalid-quantity", `metered ${promptTokens} + ${completionTokens} tokens`);
  }
  const reserved = tokensOfParts(ownParts(delivery));
  const usedTokens = Math.min(promptTokens + completionTokens, reserved);

  const postings: Posting[] = [];
  const parts: { lot: number; tokens: number; priceTicks: number; costMicros: bigint }[] = [];
  const own = ownParts(delivery);
  let left = usedTokens;
  for (const part of own) {
    const tokens = Math.min(left, part.tokens);
    left -= tokens;
    const lot = lotOf(turn.state, part.lot);
    const costMicros = costOfNext(lot, tokens);
    postings.push(...partPostings(turn, delivery, lot, part.tokens, tokens, costMicros));
    if (tokens > 0)
      parts.push({ lot: lot.number, tokens, priceTicks: part.priceTicks, costMicros });
  }
  const costMicros = parts.reduce((sum, part) => sum + part.costMicros, 0n);
  const coverMicros = delivery.owed === null ? null : emitCoverSettled(turn, delivery, usedTokens);
  postings.push(...voidChargeHolds(turn.state, delivery));
  turn.emit({
    type: "delivery-settled",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    delivery: command.delivery,
    attempt: command.attempt,
    promptTokens,
    completionTokens,
    firstTokenMs: command.firstTokenMs,
    durationMs: command.durationMs,
    reportedTokens: command.reportedTokens,
    outputSha256: command.outputSha256,
    finishReason: command.finishReason,
    cause: command.cause,
    usedTokens,
    costMicros,
    parts,
    postings,
  });
  emitCharges(turn, delivery, { usedTokens, costMicros, coverMicros });
  judgeSettled(turn, delivery, command, { usedTokens, costMicros });
  closeBehind(turn, delivery, own);
  topUpIfLow(turn, delivery.account, delivery.symbol);
  return accept({
    usedTokens,
    costMicros: costMicros.toString(),
    parts: parts.map((part) => ({ ...part, costMicros: part.costMicros.toString() })),
  });
}

function partPostings(
  turn: Turn,
  delivery: Delivery,
  lot: Lot,
  reservedTokens: number,
  tokens: number,
  costMicros: bigint,
): Posting[] {
  const { ledger } = turn.state;
  const names = namesOfLot(lot);
  const hold = deliveryHold(delivery.number, lot.number);
  const postings: Posting[] = [
    {
      kind: "post",
      hold,
      to: ledger.names.supply(lot.supplier, lot.symbol).issuer,
      amount: BigInt(tokens),
    },
    { kind: "void", hold, amount: BigInt(reservedTokens - tokens) },
    {
      kind: "move",
      from: names.escrow,
      // Who was covered has earned nothing; the exchange paid who served.
      to: delivery.owed === null ? ledger.names.pendingPay(lot.supplier) : COVER,
      amount: costMicros,
    },
  ];
  const owed = lot.valueMicros - lot.paidMicros - costMicros;
  const margin = ledger.holdAmount(names.margin);
  const needed = shareCeil(owed, lot.marginBps);
  if (margin > needed) {
    postings.push({ kind: "void", hold: names.margin, amount: margin - needed });
  }
  return postings.filter((posting) => posting.amount > 0n);
}

export function releaseDelivery(
  turn: Turn,
  command: Command<"release-delivery">,
): Decision<CommandResult<"release-delivery">> {
  const found = openDelivery(turn, command.delivery, command.attempt);
  if (!found.ok) return found;
  emitRelease(turn, found.result, command);
  return accept({});
}

/** Gives a whole reservation back; the buyer pays nothing. */
export function emitRelease(
  turn: Turn,
  delivery: Delivery,
  released: Pick<Command<"release-delivery">, "verdict" | "cause" | "completionTokens">,
): void {
  const own = ownParts(delivery);
  if (delivery.owed !== null) emitCoverSettled(turn, delivery, 0);
  turn.emit({
    type: "delivery-released",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    delivery: delivery.number,
    attempt: delivery.attempt,
    verdict: released.verdict,
    cause: released.cause,
    postings: [...voidReservation(turn.state, delivery), ...voidChargeHolds(turn.state, delivery)],
  });
  judgeReleased(turn, delivery, released);
  closeBehind(turn, delivery, own);
}

/** Lots that only waited for the delivery end now; and bond that it held pays debts first. */
function closeBehind(turn: Turn, delivery: Delivery, own: readonly Part[]): void {
  for (const part of own) closeLotIfDone(turn, part.lot);
  for (const { supplier } of delivery.failures) settleDebt(turn, supplier);
  settleDebt(turn, delivery.supplier);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
