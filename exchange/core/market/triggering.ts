/** Stop orders whose price has come enter the market, some of them per turn. */
import { suppliersOf } from "#exchange/core/clearing/offers.ts";
import type { CoreState, Order } from "#exchange/core/state.ts";
import { canServe } from "#exchange/core/supply/capacity.ts";
import { instrumentOf, type Turn } from "#exchange/core/turn.ts";
import { closeOrder } from "./closing.ts";
import { executeOrder, planOrder } from "./matching.ts";
import { bandProblem } from "./price-band.ts";

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
    } else if (isOutOfBand(turn, order)) closeOrder(turn, order, "cancelled", "out_of_band");
    else executeOrder(turn, order, planOrder(turn, order));
    if (state.triggered.includes(number)) {
      throw new Error(`order ${number} entered and still waits`);
    }
  }
  return nextToEnter(state) !== undefined;
}

/** A limit that was set while the order waited is measured when it enters, like any other then. */
function isOutOfBand(turn: Turn, { orderType, symbol, side, priceTicks }: Order): boolean {
  if (orderType !== "stop_limit") return false;
  return bandProblem(turn, instrumentOf(turn.state, symbol), side, priceTicks) !== null;
}

function nextToEnter(state: CoreState): number | undefined {
  return state.triggered.find((number) => {
    const symbol = state.orders.get(number)?.symbol ?? "";
    return state.instruments.get(symbol)?.trading.phase === "active";
  });
}
