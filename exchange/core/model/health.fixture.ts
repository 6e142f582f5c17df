/** The naive market's rules of healthy slots and of who is unwell. The table of causes is data, and shared. */
import { causeOf } from "#exchange/core/sla/causes.ts";
import * as m from "./market.fixture.ts";

type Model = m.Model;
export const SLOT_MS = 300_000;

/** Whenever nodes came, went or changed what they serve. */
export function noteIdle(model: Model, account: number): void {
  for (const { symbol } of model.instruments) {
    const since = model.idle.find(
      (each) => each.account === account && each.symbol === symbol && each.toMs === null,
    );
    const serves = m.canServe(model, account, symbol);
    if (serves && since !== undefined) since.toMs = model.nowMs;
    if (!serves && since === undefined) {
      model.idle.push({ account, symbol, fromMs: model.nowMs, toMs: null });
    }
  }
}

/** The failures of a delivery that has ended, and how its last attempt ended; null was nobody's doing. */
export function noteVerdicts(
  model: Model,
  { failures, supplier, symbol }: m.ModelDelivery,
  last: "good" | { failed: string } | null,
): void {
  for (const failure of failures) noteFailure(model, failure.supplier, symbol, failure.cause);
  if (last === null) return;
  if (last !== "good") {
    noteFailure(model, supplier, symbol, last.failed);
    return;
  }
  model.lastFailed.set(slotKey(model, supplier, symbol), false);
  model.unwell.delete(`${supplier}/${symbol}`);
}

function noteFailure(model: Model, supplier: number, symbol: string, cause: string): void {
  const { verdict, isUnsent } = causeOf(cause);
  if (verdict === "excused" || isUnsent) return;
  model.lastFailed.set(slotKey(model, supplier, symbol), true);
  model.unwell.add(`${supplier}/${symbol}`);
}

const slotKey = (model: Model, supplier: number, symbol: string): string =>
  `${supplier}/${symbol}/${Math.floor(model.nowMs / SLOT_MS)}`;

/** Whether a supplier served nearly all of a slot, and what it was last asked for in it. */
export function isHealthy(model: Model, supplier: number, symbol: string, slot: number): boolean {
  if (model.lastFailed.get(`${supplier}/${symbol}/${slot}`) === true) {
    model.tally.add("state: slot lost by a failed request");
    return false;
  }
  const [fromMs, toMs] = [slot * SLOT_MS, (slot + 1) * SLOT_MS];
  const idle = model.idle
    .filter((each) => each.account === supplier && each.symbol === symbol)
    .map((each) => Math.min(each.toMs ?? model.nowMs, toMs) - Math.max(each.fromMs, fromMs));
  return m.count(idle.map((ms) => Math.max(0, ms))) <= model.policy.slotAwayMsMax;
}

/** Failures that the request itself may have caused, alike. */
const CRASHES: Record<string, string> = {
  ...{ "backend-failed": "error", "link-lost": "cut", "backend-stream-broken": "cut" },
  truncated: "cut",
};

/** It broke two suppliers alike, none of which is known to fail anyway. */
export function isPoison(model: Model, delivery: m.ModelDelivery, cause: string): boolean {
  const { failures, supplier, symbol } = delivery;
  const evidence = [...failures, { supplier, cause }].filter(
    (each) =>
      CRASHES[each.cause] !== undefined &&
      CRASHES[each.cause] === CRASHES[cause] &&
      !model.unwell.has(`${each.supplier}/${symbol}`),
  );
  return evidence.length > 1 && evidence.some((each) => each.supplier === supplier);
}
