/**
 * How suppliers stand, followed from their verdicts by the rules of `docs/sla.md` written down a second
 * time: when a breaker opens and closes, how many deliveries are on trial, what is throttled and suspended.
 * What an event says otherwise, or is not there, is a problem.
 */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import type { SlaPolicy } from "#exchange/core/sla/policy.ts";
import type { JudgedAttempt } from "#exchange/core/sla/verdict.ts";

/** Never sent: the verdict stands in the window and changes nothing here. */
const PAUSED = "supplier-paused";
/** Causes that say that nothing was sent. */
export const UNSENT: readonly string[] = [
  ...[PAUSED, "supplier-away", "supplier-idle", "supplier-drained"],
  "exchange-resuming",
];
/** Where the policy says nothing. */
const TRIALS_MAX = 3;
const WHOLE_BPS = 10_000;
const ROLLING_SLOT_MS = 300_000;
const Z_999 = 3.0902323;

interface Tried {
  atMs: number;
  failed: boolean;
}

interface Row {
  tried: Tried[];
  failedInRowAtMs: number[];
  openings: number;
  phase: "closed" | "open" | "half-open";
  halfOpensAtMs: number;
  trials: Set<number>;
  weightBps: number;
  stepAtMs: number | null;
  suspendedUntilMs: number | null;
  level: number;
  /** Before it, nothing suspends again. */
  reinstatedAtMs: number;
}

type Consequence =
  | EventOf<"breaker-opened">
  | EventOf<"breaker-closed">
  | EventOf<"weight-changed">
  | EventOf<"supplier-suspended">;
/** What must come next, and how. */
interface Due {
  type: Consequence["type"];
  account: number;
  fields: Record<string, unknown>;
}

export interface Promised {
  errorRateMax: number;
}

export class PlainStanding {
  readonly #rows = new Map<string, Row>();
  readonly #due: Due[] = [];
  readonly #problems: string[] = [];
  /** Reserved with a supplier that must not be sent to: their attempts have to fail at once. */
  readonly #unsendable = new Map<number, string>();
  #accused = 0;

  take(event: CoreEvent, sla: SlaPolicy, promised: (symbol: string) => Promised): void {
    switch (event.type) {
      case "delivery-judged":
        for (const attempt of event.attempts) this.#judged(event, attempt, sla, promised);
        break;
      case "delivery-reserved":
        this.#reserved(event, sla);
        break;
      case "attempt-failed":
        if (!UNSENT.includes(event.cause)) break;
        this.#unsendable.delete(event.delivery);
        for (const row of this.#rows.values()) row.trials.delete(event.delivery);
        break;
      case "integrity-recorded":
        this.#accused = event.account;
        break;
      case "breaker-half-opened":
        this.#halfOpened(event);
        break;
      case "supplier-reinstated":
        this.#reinstated(event);
        break;
      case "breaker-opened":
      case "breaker-closed":
      case "weight-changed":
      case "supplier-suspended":
        this.#came(event, sla);
    }
  }

  takeProblems(): string[] {
    return this.#problems.splice(0);
  }

  problemsWhenIdle(): string[] {
    const missing = this.#due.map(({ type, account }) => `supplier ${account}: no ${type} came`);
    const sent = [...this.#unsendable].map(([delivery, why]) => `delivery ${delivery} ${why}`);
    const left = [...this.#rows].filter(([, { trials }]) => trials.size > 0);
    return [
      ...missing,
      ...sent,
      ...left.map(([key, { trials }]) => `${key} has ${[...trials]} on trial, and nothing is open`),
    ];
  }

  #row(account: number, symbol: string): Row {
    const key = `supplier ${account} in ${symbol}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = {
        ...{ tried: [], failedInRowAtMs: [], phase: "closed", openings: 0, halfOpensAtMs: 0 },
        ...{ trials: new Set(), weightBps: WHOLE_BPS, stepAtMs: null },
        ...{ suspendedUntilMs: null, level: 0, reinstatedAtMs: 0 },
      };
      this.#rows.set(key, row);
    }
    return row;
  }

  #reserved({ delivery, supplier, symbol }: EventOf<"delivery-reserved">, sla: SlaPolicy): void {
    for (const why of this.#unsendable.values()) this.#problems.push(`a delivery ${why}`);
    this.#unsendable.clear();
    const row = this.#row(supplier, symbol);
    if (row.phase === "closed") return;
    const trialsMax = sla.breakerTrialsMax ?? TRIALS_MAX;
    if (row.phase === "half-open" && row.trials.size < trialsMax) row.trials.add(delivery);
    else this.#unsendable.set(delivery, `was sent to supplier ${supplier}, which is paused`);
  }

  #judged(
    { atMs, symbol, delivery }: EventOf<"delivery-judged">,
    { supplier: account, verdict, cause }: JudgedAttempt,
    sla: SlaPolicy,
    promised: (symbol: string) => Promised,
  ): void {
    const row = this.#row(account, symbol);
    const wasTrial = row.trials.delete(delivery);
    if (verdict === "excused" || UNSENT.includes(cause)) return;
    const failed = verdict === "failed";
    row.tried.push({ atMs, failed });
    if (!failed) {
      row.failedInRowAtMs = [];
      if (wasTrial) this.#due.push({ type: "breaker-closed", account, fields: {} });
      if (wasTrial) row.trials.clear();
      return;
    }
    row.failedInRowAtMs = [...row.failedInRowAtMs, atMs].slice(-sla.breakerFailures);
    const [first = 0] = row.failedInRowAtMs;
    const isRow = row.failedInRowAtMs.length === sla.breakerFailures;
    const breaks = row.phase === "closed" && isRow && atMs - first <= sla.breakerWithinMs;
    if (wasTrial || breaks) this.#dueOpening(row, account, atMs, sla);
    if (row.stepAtMs === null && failsTooOften(row, atMs, sla)) {
      this.#due.push({ type: "weight-changed", account, fields: {} });
    }
    if (row.suspendedUntilMs === null && isProvedBad(row, atMs, sla, promised(symbol))) {
      this.#due.push({ type: "supplier-suspended", account, fields: {} });
    }
  }

  #dueOpening(row: Row, account: number, atMs: number, sla: SlaPolicy): void {
    const openings = row.phase === "closed" ? 1 : row.openings + 1;
    let openMs = sla.breakerOpenMs;
    for (let n = 1; n < openings; n += 1) openMs = Math.min(openMs * 2, sla.breakerOpenMsMax);
    const fields = { openings, halfOpensAtMs: atMs + openMs };
    this.#due.push({ type: "breaker-opened", account, fields });
    // Whatever else the same delivery or the next brings, the trial is over.
    row.trials.clear();
  }

  #came(event: Consequence, sla: SlaPolicy): void {
    const { type, account, symbol, atMs } = event;
    const row = this.#row(account, symbol);
    const at = this.#due.findIndex((due) => due.type === type && due.account === account);
    const [due] = at < 0 ? [] : this.#due.splice(at, 1);
    const wrong = (why: string) =>
      this.#problems.push(`${type} of supplier ${account} in ${symbol}: ${why}`);
    if (due === undefined && !this.#isByTime(event, row)) wrong("nothing led to it");
    for (const [name, wanted] of Object.entries(due?.fields ?? {})) {
      const is = (event as unknown as Record<string, unknown>)[name];
      if (is !== wanted) wrong(`${name} is ${is}, expected ${wanted}`);
    }
    if (event.type === "breaker-opened") {
      row.phase = "open";
      row.openings = event.openings;
      row.halfOpensAtMs = event.halfOpensAtMs;
      row.failedInRowAtMs = [];
    } else if (event.type === "breaker-closed") row.phase = "closed";
    else if (event.type === "weight-changed") {
      const weight = failsTooOften(row, atMs, sla)
        ? Math.max(sla.throttleWeightBpsMin, Math.floor(row.weightBps / 2))
        : Math.min(WHOLE_BPS, row.weightBps + sla.throttleRecoveryBps);
      if (event.weightBps !== weight) wrong(`weighs ${event.weightBps}, expected ${weight}`);
      row.weightBps = event.weightBps;
      row.stepAtMs = weight === WHOLE_BPS ? null : atMs + sla.throttleStepMs;
      if (event.nextStepAtMs !== row.stepAtMs) wrong(`steps next at ${event.nextStepAtMs}`);
    } else {
      const lengthMs = sla.suspensionMs[Math.min(event.level, sla.suspensionMs.length) - 1] ?? 0;
      if (event.level !== row.level + 1) wrong(`level ${event.level}, expected ${row.level + 1}`);
      if (event.untilMs !== atMs + lengthMs) wrong(`ends at ${event.untilMs}`);
      row.level = event.level;
      row.suspendedUntilMs = event.untilMs;
    }
  }

  /** Whether it comes by itself: a step of the throttle, or a suspension for a breach of integrity. */
  #isByTime(event: Consequence, row: Row): boolean {
    if (event.type === "weight-changed") return row.stepAtMs !== null && row.stepAtMs <= event.atMs;
    return event.type === "supplier-suspended" && this.#accused === event.account;
  }

  #halfOpened({ account, symbol, atMs, openings }: EventOf<"breaker-half-opened">): void {
    const row = this.#row(account, symbol);
    if (row.phase !== "open" || atMs < row.halfOpensAtMs || openings !== row.openings) {
      this.#problems.push(`the breaker of supplier ${account} half-opened at ${atMs}, too early`);
    }
    row.phase = "half-open";
    row.trials.clear();
  }

  #reinstated({ account, symbol, atMs }: EventOf<"supplier-reinstated">): void {
    const row = this.#row(account, symbol);
    if (row.suspendedUntilMs === null || atMs < row.suspendedUntilMs) {
      this.#problems.push(`supplier ${account} was reinstated at ${atMs}, too early`);
    }
    row.suspendedUntilMs = null;
    row.reinstatedAtMs = atMs;
    // Of what was tried before, the throttle alone still counts.
    for (const each of row.tried) if (each.atMs <= atMs) Object.assign(each, { isAnswered: true });
  }
}

/** More than a share of enough tries failed, over the steps of the throttle's window. */
function failsTooOften({ tried }: Row, atMs: number, sla: SlaPolicy): boolean {
  const steps = Math.ceil(sla.throttleWindowMs / sla.throttleStepMs);
  const step = (ms: number) => Math.floor(ms / sla.throttleStepMs);
  const recent = tried.filter((each) => step(each.atMs) > step(atMs) - steps);
  const failed = recent.filter((each) => each.failed).length;
  if (recent.length < sla.throttleRequestsMin) return false;
  return failed / recent.length > sla.throttleFailureBps / WHOLE_BPS;
}

/** The failure rate of the last window's length, at least, is beyond so many error budgets. */
function isProvedBad({ tried }: Row, atMs: number, sla: SlaPolicy, promised: Promised): boolean {
  const slots = Math.ceil(sla.windowMs / ROLLING_SLOT_MS);
  const slot = (ms: number) => Math.floor(ms / ROLLING_SLOT_MS);
  const rolling = tried.filter(
    (each) => !("isAnswered" in each) && slot(each.atMs) > slot(atMs) - slots,
  );
  const n = rolling.length;
  if (n < sla.suspensionRequestsMin) return false;
  const p = rolling.filter((each) => each.failed).length / n;
  const z = Z_999;
  const lower =
    (p + (z * z) / (2 * n) - z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) /
    (1 + (z * z) / n);
  return lower > sla.suspensionErrorFactor * promised.errorRateMax;
}
