/** Stop orders whose price has come enter the market, some of them per turn. */
import { suppliersOf } from "#exchange/core/clearing/offers.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { canServe } from "#exchange/core/supply/capacity.ts";
import type { Turn } from "#exchange/core/turn.ts";
import { executeOrder, planOrder } from "./matching.ts";

/** What one command may let in; the rest enters before the next is decided. */
export const TRIGGERED_PER_TURN_MAX = 64;

/**
 * Lets triggered orders in, in their order, and those that their trades trigger; those of a market that
 * is not active wait for it. True when more could enter.
 */
export function runTriggered(turn: Turn): boolean {
  const { state } = turn;
  if (state.triggered.length === 0) return false;
  for (let ran = 0; ran < TRIGGERED_PER_TURN_MAX; ran += 1) {
    const number = nextToEnter(state);
    if (number === undefined) return false;
    const order = state.orders.get(number);
    if (order === undefined) throw new Error(`triggered order ${number} is not open`);
    const isServed = (supplier: number) => canServe(state, supplier, order.symbol);
    if (order.side === "sell" && !suppliersOf(state, order).every(isServed)) {
      turn.emit({
        type: "orders-suspended",
        version: 1,
        seq: turn.nextSeq(),
        atMs: turn.nowMs,
        account: order.account,
        symbol: order.symbol,
        orders: [number],
      });
    } else executeOrder(turn, order, planOrder(turn, order));
    if (state.triggered.includes(number)) {
      throw new Error(`order ${number} entered and still waits`);
    }
  }
  return nextToEnter(state) !== undefined;
}

function nextToEnter(state: CoreState): number | undefined {
  return state.triggered.find((number) => {
    const symbol = state.orders.get(number)?.symbol ?? "";
    return state.instruments.get(symbol)?.trading.phase === "active";
  });
}
