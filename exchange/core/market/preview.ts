/** What an order would do now: read only, no event, and no promise for when it comes. */
import type { PlaceOrder } from "#exchange/core/commands.ts";
import type { Rejection } from "#exchange/core/rejections.ts";
import type { ClosureReason, CoreState } from "#exchange/core/state.ts";
import { policyOf, type Turn } from "#exchange/core/turn.ts";
import { feeOfFill } from "./fees.ts";
import { endReason } from "./matching.ts";
import { canRest, isStop } from "./order-terms.ts";
import { prepareOrder } from "./orders.ts";

export interface OrderPreview {
  /** Of a reduce_only order less than was asked, where less is free. */
  quantity: number;
  /** Its limit, or the protection price of an order without. */
  limitTicks: number;
  /** What it would take, in order, at the makers' prices; empty while it waits for a stop price. */
  fills: { priceTicks: number; quantity: number }[];
  filledQuantity: number;
  valueMicros: bigint;
  /** Of those fills, as the taker. */
  feeMicros: bigint;
  /** What would stay in the book or wait, and what would end at once, and why. */
  restingQuantity: number;
  endsAs: ClosureReason | null;
  /** Held when it is accepted: money of a bid; Units, some of them issued for it, and bond of an ask. */
  holds: { moneyMicros: bigint; tokens: bigint; issuedTokens: bigint; bondMicros: bigint };
}

export type PreviewOutcome =
  | { ok: true; preview: OrderPreview }
  | { ok: false; rejection: Rejection };

/** Checks the order as `place-order` would at that time. Reads the state and leaves it as it is. */
export function previewOrder(state: CoreState, order: PlaceOrder, nowMs: number): PreviewOutcome {
  const prepared = prepareOrder(readingTurn(state, nowMs), order);
  if (!prepared.ok) return { ok: false, rejection: prepared.rejection };
  const { quantity, limitTicks, plan, postings, missingTokens } = prepared;
  const kills = order.timeInForce === "fok" && plan.quantity < quantity && !isStop(order);
  const fills = kills ? [] : plan.fills;
  const filledQuantity = kills ? 0 : plan.quantity;
  const value = kills ? 0n : plan.valueMicros;
  const rests = isStop(order) || (canRest(order) && !plan.selfTrade);
  const left = quantity - filledQuantity;
  const held = postings.map((posting) => posting.amount);
  const [first = 0n, second = 0n] = held;
  const isBuy = order.side === "buy";
  return {
    ok: true,
    preview: {
      quantity,
      limitTicks,
      fills: fills.map((fill) => ({ priceTicks: fill.priceTicks, quantity: fill.quantity })),
      filledQuantity,
      valueMicros: value,
      feeMicros: feeOfFill(
        { feeBasisMicros: 0n, feeMicros: 0n },
        value,
        policyOf(state).takerFeeBps,
      ),
      restingQuantity: rests ? left : 0,
      endsAs: rests || left === 0 ? null : endReason(order, filledQuantity, plan),
      holds: {
        moneyMicros: isBuy ? first : 0n,
        tokens: isBuy ? 0n : first,
        issuedTokens: missingTokens,
        bondMicros: isBuy ? 0n : second,
      },
    },
  };
}

function readingTurn(state: CoreState, nowMs: number): Turn {
  return {
    state,
    nowMs,
    nextSeq: () => state.seq + 1,
    emit(event) {
      throw new Error(`a preview emits no event, and came to ${event.type}`);
    },
  };
}
