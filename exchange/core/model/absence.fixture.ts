/** The naive market's rules of suppliers that stay away or cannot pay: charges, asks that end, close-out. */
import { charge, owe, referenceTicks, worthOfParts } from "./charges.fixture.ts";
import { settleDebt } from "./debt.fixture.ts";
import { clockMs } from "./halts.fixture.ts";
import { awayMs, closeOut, mustCloseOut } from "./lots.fixture.ts";
import * as m from "./market.fixture.ts";

type Model = m.Model;

/** When an absence reaches a length, the exchange's own outages left aside. */
function reachedMs(model: Model, absence: m.ModelAbsence, lengthMs: number): number {
  let atMs = absence.fromMs + lengthMs;
  for (const { fromMs, toMs } of model.outages) {
    if (toMs > absence.fromMs && fromMs < atMs) atMs += toMs - Math.max(fromMs, absence.fromMs);
  }
  return atMs;
}

/** The next thing that falls due of each absence and default. */
export function dueAbsences(model: Model): { account: number; atMs: number; run: () => void }[] {
  const { abandonment, closeOutMs } = model.policy.sla;
  const lengths = [...abandonment.map((step) => step.awayMs), closeOutMs].sort((a, b) => a - b);
  const absences = model.away
    .filter((absence) => absence.toMs === null)
    .flatMap((absence) => {
      const nextMs = lengths.find((ms) => ms > absence.doneMs);
      if (nextMs === undefined) return [];
      const atMs = reachedMs(model, absence, nextMs);
      const run = () => {
        absence.doneMs = nextMs;
        act(model, absence.account, atMs);
      };
      return [{ account: absence.account, atMs, run }];
    });
  const defaults = model.defaults.map((each) => ({
    ...each,
    run: () => {
      model.defaults = model.defaults.filter((other) => other !== each);
      act(model, each.account, each.atMs);
    },
  }));
  return [...absences, ...defaults];
}

function act(model: Model, account: number, atMs: number): void {
  settleDebt(model, account);
  const closes = mustCloseOut(model, account, atMs);
  for (const lot of model.lots.filter((each) => each.supplier === account)) {
    chargeAbandonment(model, lot, atMs);
    if (closes && m.reservedOn(model, lot.number) === 0) closeOut(model, lot);
  }
  settleDebt(model, account);
}

const ALLOWANCE_MS = 3_600_000;
const REMEMBERED_MS = 7 * 24 * 3_600_000;
const RECONNECT_MS = 60_000;

/** Announced, and neither so long that Lots are closed out nor more than a week allows. */
function isAnnounced(model: Model, absence: m.ModelAbsence, ms: number): boolean {
  if (!absence.drained || ms >= model.policy.sla.closeOutMs) return false;
  const before = model.away
    .filter(({ account, drained }) => account === absence.account && drained)
    .map(({ fromMs, toMs }) => (toMs ?? 0) - Math.max(fromMs, absence.fromMs - REMEMBERED_MS));
  return ms + m.count(before.map((each) => Math.max(0, each))) <= ALLOWANCE_MS;
}

/** Why a supplier whose Lots would serve cannot be sent to. Nobody is paused here. */
export function causeOfAbsence(model: Model, supplier: number, symbol: string): string {
  const idle = model.idle.find(
    (each) => each.account === supplier && each.symbol === symbol && each.toMs === null,
  );
  if (idle !== undefined && model.outages.some(({ toMs }) => toMs === idle.fromMs)) {
    const since = { ...NO_ABSENCE, account: supplier, fromMs: idle.fromMs };
    if (awayMs(model, since, model.nowMs) < RECONNECT_MS) return "exchange-resuming";
  }
  const absence = model.away.find((a) => a.account === supplier && a.toMs === null);
  if (absence === undefined) return "supplier-idle";
  const announced = isAnnounced(model, absence, awayMs(model, absence, model.nowMs));
  return announced ? "supplier-drained" : "supplier-away";
}

const NO_ABSENCE = { toMs: null, drained: false, doneMs: 0 };

/** The policy's part for an absence so long, less what was charged for this one, by the time left. */
function chargeAbandonment(model: Model, lot: m.ModelLot, atMs: number): void {
  const { supplier, symbol } = lot;
  const absence = model.away.find((a) => a.account === supplier && a.toMs === null);
  if (absence === undefined) return;
  const { sla, lotLifetimeMs } = model.policy;
  const steps = sla.abandonment.filter((step) => awayMs(model, absence, atMs) >= step.awayMs);
  const reached = [...sla.abandonment.map((step) => step.awayMs), sla.closeOutMs].filter(
    (ms) => ms <= awayMs(model, absence, atMs),
  );
  if (isAnnounced(model, absence, Math.max(0, ...reached))) {
    if (steps.length > 0) model.tally.add("state: announced absence not charged");
    return;
  }
  if (absence.drained && steps.length > 0) {
    model.tally.add("state: announced absence charged at close-out");
  }
  const bps = Math.max(0, ...steps.map((step) => step.chargeBps));
  const before = lot.abandoned.sinceMs === absence.fromMs ? lot.abandoned.bps : 0;
  if (bps <= before) return;
  lot.abandoned = { sinceMs: absence.fromMs, bps };
  const tokens = lot.tokens - lot.used;
  const ticks = Math.max(lot.ticks, referenceTicks(model, symbol) ?? 0);
  const worth = worthOfParts(model, symbol, [{ lot: lot.number, tokens, ticks }]);
  const leftMs = Math.min(lotLifetimeMs, Math.max(0, lot.expiresMs - clockMs(model, symbol)));
  const amount =
    (worth * BigInt(bps - before) * BigInt(leftMs)) / (10_000n * BigInt(lotLifetimeMs));
  const { taken, owed } = charge(model, supplier, amount, lot);
  owe(model, supplier, owed, atMs);
  m.accountOf(model, lot.owner).available += taken;
  if (taken > 0n) model.tally.add("state: abandonment charged");
  if (taken > 0n && before > 0) model.tally.add("state: abandonment charged a second time");
}
