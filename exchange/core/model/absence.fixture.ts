/** The naive market's rules of suppliers that stay away or cannot pay: charges, asks that end, close-out. */
import { charge, owe, referenceTicks, worthOfParts } from "./charges.fixture.ts";
import { clockMs } from "./halts.fixture.ts";
import { awayMs, closeOut, mustCloseOut } from "./lots.fixture.ts";
import * as m from "./market.fixture.ts";
import { close } from "./trading.fixture.ts";

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
  if (m.accountOf(model, account).debt > 0n) {
    for (const ask of m.asksServedBy(model, account)) {
      model.tally.add("state: ask withdrawn in default");
      close(model, ask);
    }
  }
  const closes = mustCloseOut(model, account, atMs);
  for (const lot of model.lots.filter((each) => each.supplier === account)) {
    chargeAbandonment(model, lot, atMs);
    if (closes && m.reservedOn(model, lot.number) === 0) closeOut(model, lot);
  }
}

/** The policy's part for an absence so long, less what was charged for this one, by the time left. */
function chargeAbandonment(model: Model, lot: m.ModelLot, atMs: number): void {
  const { supplier, symbol } = lot;
  const absence = model.away.find((a) => a.account === supplier && a.toMs === null);
  if (absence === undefined) return;
  const { sla, lotLifetimeMs } = model.policy;
  const steps = sla.abandonment.filter((step) => awayMs(model, absence, atMs) >= step.awayMs);
  if (absence.drained) {
    if (steps.length > 0) model.tally.add("state: announced absence not charged");
    return;
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
