/** The naive market's rules of quote groups: fills within a window, counted anew each time. */
import * as m from "./market.fixture.ts";

/** Cancels the account's orders that fit. Returns how many. */
export function cancelWhere(
  model: m.Model,
  account: number,
  fits: (order: m.ModelOrder) => boolean,
): number {
  const ends = model.orders.filter((order) => order.account === account && fits(order));
  model.orders = model.orders.filter((order) => !ends.includes(order));
  model.triggered = model.triggered.filter((order) => !ends.includes(order));
  return ends.length;
}

/** A resting order was filled: whoever counts its group counts that. */
export function countFill(model: m.Model, maker: m.ModelOrder, quantity: number): void {
  for (const group of model.groups) {
    if (!isIn(group, maker)) continue;
    group.fills.push({ atMs: model.nowMs, quantity });
  }
}

const isIn = (group: m.ModelGroup, order: m.ModelOrder): boolean =>
  group.account === order.account && group.symbol === order.symbol && group.name === order.group;

/** After an order's fills: groups that had part in them and reached their limit lose the rest. */
export function tripGroups(model: m.Model): void {
  for (const group of model.groups) {
    const recent = group.fills.filter(({ atMs }) => model.nowMs - atMs < group.windowMs);
    if (group.tripped || m.count(recent.map((fill) => fill.quantity)) < group.quantityMax) continue;
    model.tally.add("state: quote group tripped");
    group.tripped = true;
    group.fills = [];
    const cancelled = cancelWhere(model, group.account, (order) => isIn(group, order));
    if (cancelled > 0) model.tally.add("state: rest of a quote group cancelled");
  }
}
