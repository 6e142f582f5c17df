/** What a Lot's holder gets back of its escrow: per token no more than it paid for it itself. */
import { GUARANTY } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { divideFloor } from "#protocol/money.ts";
import { namesOfLot } from "./lots.ts";

export interface Refund {
  toOwnerMicros: bigint;
  /** Who sold the Lot on below its price took that loss; it is not for the next holder to win. */
  toFundMicros: bigint;
}

/** Shares out escrow that goes back. */
export function refundOf({ costTicks, priceTicks }: Lot, micros: bigint): Refund {
  if (costTicks >= priceTicks) return { toOwnerMicros: micros, toFundMicros: 0n };
  const toOwnerMicros = divideFloor(micros * BigInt(costTicks), BigInt(priceTicks));
  return { toOwnerMicros, toFundMicros: micros - toOwnerMicros };
}

export function refundPostings({ ledger }: CoreState, lot: Lot, refund: Refund): Posting[] {
  const { escrow } = namesOfLot(lot);
  const owner = ledger.names.available(lot.owner);
  const postings: Posting[] = [
    { kind: "move", from: escrow, to: owner, amount: refund.toOwnerMicros },
    { kind: "move", from: escrow, to: GUARANTY, amount: refund.toFundMicros },
  ];
  return postings.filter(({ amount }) => amount > 0n);
}
