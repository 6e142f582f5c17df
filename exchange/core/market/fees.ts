/**
 * Fees per order: ceil(sum of value x basis points / 10,000), posted as the difference per fill, so
 * that many small fills cost the same as one.
 */

import type { PlaceOrder, Side } from "#exchange/core/commands.ts";
import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { Order } from "#exchange/core/state.ts";
import { type Instrument, valueMicros } from "#protocol/instrument.ts";
import { BASIS_POINTS, divideCeil, shareCeil } from "#protocol/money.ts";
import { holdsWhole } from "./order-terms.ts";

/** What this fill adds to an order's fee. */
export function feeOfFill(
  order: Pick<Order, "feeBasisMicros" | "feeMicros">,
  valueMicros: bigint,
  bps: number,
): bigint {
  const basis = order.feeBasisMicros + valueMicros * BigInt(bps);
  return divideCeil(basis, BASIS_POINTS) - order.feeMicros;
}

/** The share of its value that a new order holds beside it: a bid the higher fee, an ask its bond. */
export function heldBpsOf(policy: MarketPolicy, side: Side): number {
  return side === "sell" ? policy.bondMarginBps : Math.max(policy.takerFeeBps, policy.makerFeeBps);
}

/** The fee of a fill: the policy's, of a bid never more than what it set aside for when it came. */
export function feeBpsOf(
  policy: MarketPolicy,
  { side, heldBps }: Pick<Order, "side" | "heldBps">,
  isTaker: boolean,
): number {
  const bps = isTaker ? policy.takerFeeBps : policy.makerFeeBps;
  return side === "buy" ? Math.min(bps, heldBps) : bps;
}

/** What a new bid sets aside for a value: the value and the higher of the two fees. */
export function bidHoldMicros(policy: MarketPolicy, valueMicros: bigint): bigint {
  return valueMicros + shareCeil(valueMicros, heldBpsOf(policy, "buy"));
}

/** What the rest of a bid can still add to its fee, after a fill of that value at that fee. */
export function feeOfRest(
  bid: Pick<Order, "feeBasisMicros" | "heldBps">,
  filledMicros: bigint,
  bps: number,
  restMicros: bigint,
): bigint {
  const basis = bid.feeBasisMicros + filledMicros * BigInt(bps);
  const whole = divideCeil(basis + restMicros * BigInt(bid.heldBps), BASIS_POINTS);
  return whole - divideCeil(basis, BASIS_POINTS);
}

/** The bond held behind a value of asks or Lots. */
export function marginMicros(policy: MarketPolicy, valueMicros: bigint): bigint {
  return shareCeil(valueMicros, policy.bondMarginBps);
}

/**
 * The bond of a new ask: what it holds itself, and what must be free, since the Lots of what it sells
 * at once need theirs at the bids' prices. An ask below the bids must not owe more than its bond.
 */
export function sellerMargin(
  policy: MarketPolicy,
  instrument: Instrument,
  order: Pick<PlaceOrder, "orderType" | "timeInForce" | "quantity">,
  limitTicks: number,
  plan: { fills: { priceTicks: number; quantity: number }[]; quantity: number },
): { held: bigint; needed: bigint } {
  const rest = holdsWhole(order) ? order.quantity - plan.quantity : 0;
  let needed = marginOf(policy, instrument, limitTicks, rest);
  for (const fill of plan.fills)
    needed += marginOf(policy, instrument, fill.priceTicks, fill.quantity);
  return { held: marginOf(policy, instrument, limitTicks, plan.quantity + rest), needed };
}

function marginOf(
  policy: MarketPolicy,
  instrument: Instrument,
  priceTicks: number,
  quantity: number,
): bigint {
  return marginMicros(policy, valueMicros(instrument, priceTicks, quantity));
}
