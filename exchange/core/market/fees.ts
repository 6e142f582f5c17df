/**
 * Fees per order: ceil(sum of value x basis points / 10,000), posted as the difference per fill, so
 * that many small fills cost the same as one.
 */

import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { Order } from "#exchange/core/state.ts";
import { BASIS_POINTS, divideCeil, shareCeil } from "#protocol/money.ts";

/** What this fill adds to an order's fee. */
export function feeOfFill(
  order: Pick<Order, "feeBasisMicros" | "feeMicros">,
  valueMicros: bigint,
  bps: number,
): bigint {
  const basis = order.feeBasisMicros + valueMicros * BigInt(bps);
  return divideCeil(basis, BASIS_POINTS) - order.feeMicros;
}

/** What a bid sets aside for a value: the value and the higher of the two fees. */
export function bidHoldMicros(policy: MarketPolicy, valueMicros: bigint): bigint {
  return valueMicros + shareCeil(valueMicros, Math.max(policy.takerFeeBps, policy.makerFeeBps));
}

/** The bond held behind a value of asks or Lots. */
export function marginMicros(policy: MarketPolicy, valueMicros: bigint): bigint {
  return shareCeil(valueMicros, policy.bondMarginBps);
}
