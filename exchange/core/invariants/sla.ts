/** Suppliers' standing: what is charged rests on what was seen, and what must happen is due. */
import { holdback, RECEIVABLES } from "#exchange/core/ledger/account-names.ts";
import {
  dueTimes,
  type Scorecard,
  type Standing,
  type SupplierStanding,
} from "#exchange/core/sla/standing.ts";
import type { CoreState } from "#exchange/core/state.ts";

export function supplierBreaches(state: CoreState, supplier: SupplierStanding): string[] {
  const { account, holdbacks } = supplier;
  const breaches: string[] = [];
  // Charges eat into what is kept back; nothing adds to it without an entry.
  const kept = holdbacks.reduce((sum, { amountMicros }) => sum + amountMicros, 0n);
  const balance = state.ledger.balance(holdback(account));
  if (balance > kept) {
    breaches.push(
      `supplier ${account} has ${balance} kept back, its entries come to ${kept}, expected no more`,
    );
  }
  for (const dueMs of dueTimes(supplier)) {
    if (dueMs > state.nowMs || state.due.hasDue(state.nowMs)) continue;
    breaches.push(`supplier ${account} had to be looked after at ${dueMs}, and nothing will`);
  }
  for (const standing of supplier.instruments.values()) {
    breaches.push(...standingBreaches(state, standing));
  }
  return breaches;
}

function standingBreaches(state: CoreState, standing: Standing): string[] {
  const { account, symbol, card, lastWindow, weightBps, breaker } = standing;
  const breaches: string[] = [];
  const say = (text: string) => breaches.push(`supplier ${account} in ${symbol}: ${text}`);
  if (card !== null) breaches.push(...cardBreaches(standing, card));
  if (lastWindow !== null) {
    const { chargeMicros, capMicros, failedRequests, slowRequests } = lastWindow;
    if (chargeMicros > capMicros) say(`charged ${chargeMicros}, expected at most ${capMicros}`);
    if (chargeMicros > 0n && failedRequests + slowRequests === 0) {
      say(`charged ${chargeMicros} for a window in which nothing was slow or failed`);
    }
  }
  if (weightBps < 1 || weightBps > 10_000) say(`weighs ${weightBps}, expected 1 to 10,000`);
  if (breaker.phase === "open" && state.serving.canServe(account, symbol)) {
    say("its breaker is open, and it is dispatched to");
  }
  if (state.serving.isOnTrial(account, symbol) !== (breaker.phase === "half-open")) {
    say(`its breaker is ${breaker.phase}, its nodes serve as if it were not`);
  }
  for (const trial of breaker.phase === "half-open" ? breaker.trials : []) {
    if (!state.deliveries.has(trial)) say(`delivery ${trial} is on trial and not open`);
  }
  return breaches;
}

function cardBreaches({ account, symbol, openLotsMicros }: Standing, card: Scorecard): string[] {
  const breaches: string[] = [];
  const where = `the window of supplier ${account} in ${symbol}`;
  let failedMicros = 0n;
  for (const loss of card.buyers.values()) failedMicros += loss.failedMicros;
  if (failedMicros !== card.failedMicros) {
    breaches.push(`${where} has ${card.failedMicros} failed, by buyer it is ${failedMicros}`);
  }
  if (card.failedMicros > 0n && card.failed.requests === 0) {
    breaches.push(`${where} has ${card.failedMicros} failed, and no failed delivery`);
  }
  if (card.lotsMicros < openLotsMicros) {
    breaches.push(`${where} counts Lots of ${card.lotsMicros}, ${openLotsMicros} are open`);
  }
  return breaches;
}

/** Pay that no window will pay out, account by account, and debts against what the exchange is owed. */
export function* payBreaches(state: CoreState): Generator<string | null> {
  const debtors: string[] = [];
  for (const { name, credits, debits, held } of state.ledger.accounts()) {
    if (name.endsWith(":owed")) debtors.push(name);
    if (name.endsWith(":pending") && credits - debits !== held) {
      if (!hasOpenWindow(state, Number.parseInt(name, 10))) {
        yield `${name} has ${credits - debits - held} free, and no window is open that pays it out`;
      }
    }
    yield null;
  }
  // In one step, as many as suppliers that ever owed.
  const debts = debtors.reduce((sum, name) => sum + state.ledger.balance(name), 0n);
  const receivables = state.ledger.balance(RECEIVABLES);
  if (debts + receivables !== 0n) {
    yield `suppliers owe ${-debts}, the exchange counts ${receivables} as receivable`;
  }
}

function hasOpenWindow(state: CoreState, account: number): boolean {
  const instruments = state.suppliers.get(account)?.instruments.values() ?? [];
  for (const { card } of instruments) if (card !== null) return true;
  return false;
}
