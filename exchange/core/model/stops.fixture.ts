/** The naive market's rules of stop orders: they wait for a price, and enter one after another. */

import { isOutOfBand } from "./bands.fixture.ts";
import * as m from "./market.fixture.ts";
import { close, enter } from "./trading.fixture.ts";

type Model = m.Model;

const isReached = ({ side, stopTicks }: m.ModelOrder, ticks: number): boolean =>
  stopTicks !== null && (side === "buy" ? ticks >= stopTicks : ticks <= stopTicks);

/** Lets in what these trades reach: price by price, buys before sells, the nearest stop price first, then the oldest. */
export function triggerStops(model: Model, symbol: string, prices: number[]): void {
  for (const ticks of prices) {
    const reached = model.orders.filter(
      (o) => o.symbol === symbol && o.stage === "waiting" && isReached(o, ticks),
    );
    const rank = (o: m.ModelOrder) => (o.side === "buy" ? (o.stopTicks ?? 0) : -(o.stopTicks ?? 0));
    for (const side of ["buy", "sell"] as const) {
      const line = reached.filter((o) => o.side === side);
      line.sort((a, b) => rank(a) - rank(b) || (a.arrival ?? 0) - (b.arrival ?? 0));
      for (const order of line) letIn(model, order);
    }
  }
}

function letIn(model: Model, order: m.ModelOrder): void {
  model.tally.add(`state: ${order.side} stop triggered`);
  order.stage = "triggered";
  order.arrival = null;
  model.triggered.push(order);
}

/** A new stop order waits, unless the last trade has reached its price. */
export function triggerAtOnce(model: Model, order: m.ModelOrder): void {
  model.arrivals += 1;
  order.stage = "waiting";
  order.arrival = model.arrivals;
  const last = model.fills.findLast((fill) => fill.symbol === order.symbol);
  if (last !== undefined && isReached(order, last.ticks)) letIn(model, order);
}

/** Everything that was triggered enters, also what that triggers in turn. */
export function runTriggered(model: Model): void {
  for (;;) {
    const order = model.triggered.find((o) => m.phaseOf(model, o.symbol) === "active");
    if (order === undefined) return;
    model.triggered = model.triggered.filter((each) => each !== order);
    const isServed = (server: number) => m.canServe(model, server, order.symbol);
    if (order.side === "sell" && !m.serversOf(model, order).every(isServed)) {
      model.tally.add("state: stop triggered while its supplier was away");
      order.stage = "suspended";
      continue;
    }
    if (order.protection === null && isOutOfBand(model, order.symbol, order.side, order.ticks)) {
      model.tally.add("state: stop limit out of band when it triggered");
      close(model, order);
      continue;
    }
    order.stage = "open";
    enter(model, order);
  }
}
