/** The naive market's rules of how Lots end: used up, expired, or closed out. */
import { settleDebt } from "./debt.fixture.ts";
import { clockMs, stops } from "./halts.fixture.ts";
import { isHealthy, SLOT_MS } from "./health.fixture.ts";
import * as m from "./market.fixture.ts";

type Model = m.Model;

/** How long a supplier has been away at a time, without times in which the exchange itself was. */
export function awayMs(model: Model, absence: m.ModelAbsence, atMs: number): number {
  const overlaps = model.outages.map(
    ({ fromMs, toMs }) => Math.min(toMs, atMs) - Math.max(fromMs, absence.fromMs),
  );
  const outMs = m.count(overlaps.map((ms) => Math.max(0, ms)));
  return Math.max(0, atMs - absence.fromMs - outMs);
}

/** Its supplier cannot pay, or stays away too long. */
export function mustCloseOut(model: Model, supplier: number, atMs: number): boolean {
  if (m.accountOf(model, supplier).debt > 0n) return true;
  const absence = model.away.find((a) => a.account === supplier && a.toMs === null);
  return absence !== undefined && awayMs(model, absence, atMs) >= model.policy.sla.closeOutMs;
}

/** Ends Lots that were drawn on and can end now. */
export function endLots(model: Model, parts: readonly m.ModelPart[]): number {
  const drawn = parts.map((part) => part.lot);
  return model.lots.filter((lot) => drawn.includes(lot.number) && endIfDone(model, lot)).length;
}

function endIfDone(model: Model, lot: m.ModelLot): boolean {
  if (m.reservedOn(model, lot.number) > 0) return false;
  if (lot.used === lot.tokens) {
    model.tally.add("state: Lot used up");
    remove(model, lot);
  } else if (lot.expiresMs <= clockMs(model, lot.symbol)) expire(model, lot);
  else {
    settleDebt(model, lot.supplier);
    if (!mustCloseOut(model, lot.supplier, model.nowMs)) return false;
    model.tally.add("state: close-out delayed by a delivery");
    closeOut(model, lot);
  }
  settleDebt(model, lot.supplier);
  return true;
}

const remove = (model: Model, lot: m.ModelLot): void => {
  model.lots = model.lots.filter((each) => each !== lot);
};

/** Ends what sells it; its owner gets money back, per token no more than it paid, and the fund the rest. */
function giveBack(model: Model, lot: m.ModelLot, money: bigint): void {
  for (const order of model.orders) {
    if (!order.lots.some((offered) => offered.lot === lot.number)) continue;
    model.tally.add("state: ask ended with its Lot");
    model.orders = model.orders.filter((each) => each !== order);
  }
  const most = (money * BigInt(lot.cost)) / BigInt(lot.ticks);
  const back = m.smaller(money, most);
  if (back < money) model.tally.add("state: refund at the holder's cost");
  m.accountOf(model, lot.owner).available += back;
  model.guaranty += money - back;
}

/** Its owner gets the escrow that is left. */
export function closeOut(model: Model, lot: m.ModelLot): void {
  model.tally.add("state: Lot closed out");
  giveBack(model, lot, lot.value - lot.paid);
  remove(model, lot);
}

/** What was not used is paid for the slots in which the supplier was there; the rest goes back. */
export function expire(model: Model, lot: m.ModelLot): void {
  let slots = 0;
  let healthy = 0;
  for (
    let slot = Math.ceil((lot.enteredMs ?? 0) / SLOT_MS);
    slot * SLOT_MS < lot.expiresMs;
    slot += 1
  ) {
    const [fromMs, toMs] = [slot * SLOT_MS, (slot + 1) * SLOT_MS];
    if (stops(model, lot.symbol).some((o) => o.fromMs < toMs && o.toMs > fromMs)) continue;
    slots += 1;
    if (isHealthy(model, lot.supplier, lot.symbol, slot)) healthy += 1;
  }
  const kind = slots === 0 ? "no slot" : healthy === slots ? "all slots" : "some slots";
  model.tally.add(`state: Lot expired, paid for ${healthy === 0 && slots > 0 ? "none" : kind}`);
  const escrow = lot.value - lot.paid;
  const earned = slots === 0 ? escrow : (escrow * BigInt(healthy)) / BigInt(slots);
  m.accountOf(model, lot.supplier).pending += earned;
  giveBack(model, lot, escrow - earned);
  remove(model, lot);
}
