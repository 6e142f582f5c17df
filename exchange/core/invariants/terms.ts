/** What orders ask for beyond price and quantity, quote groups, switches, phases of trading. */
import type { Trading } from "#exchange/core/market/trading-phase.ts";
import type { CoreState } from "#exchange/core/state.ts";

/** Who waits for a stop price stands in line for it, once, and so does who was triggered. In one step. */
export function* waitingBreaches(state: CoreState, symbol: string): Generator<string | null> {
  const lines = [
    { status: "waiting", numbers: state.instruments.get(symbol)?.stops.orders() ?? [] },
    {
      status: "triggered",
      numbers: state.triggered.filter((number) => state.orders.get(number)?.symbol === symbol),
    },
  ] as const;
  const breaches: string[] = [];
  for (const { status, numbers } of lines) {
    const unseen = new Set(numbers);
    if (unseen.size < numbers.length) breaches.push(`an order of ${symbol} is ${status} twice`);
    for (const number of state.terms.keys()) {
      const order = state.orders.get(number);
      if (order?.status !== status || order.symbol !== symbol) continue;
      if (!unseen.delete(number)) breaches.push(`order ${number} is ${status}, but not in line`);
    }
    for (const number of unseen) breaches.push(`order ${number} stands in line, not ${status}`);
  }
  yield* breaches;
  yield null;
}

/** What stands in the table of terms is asked for by an open order, and has an end where it needs one. */
export function* termsBreaches(state: CoreState): Generator<string | null> {
  for (const [number, terms] of state.terms) {
    const order = state.orders.get(number);
    if (order === undefined) yield `order ${number} has terms, but is not open`;
    else {
      const ends = order.timeInForce === "day" || order.timeInForce === "gtd";
      if (ends === (terms.expiresAtMs !== null)) yield null;
      else yield `order ${number} is ${order.timeInForce} and ends at ${terms.expiresAtMs}`;
    }
  }
}

/** Only an auction ends by itself, and only an auction is uncrossed. */
export function* phaseBreaches(symbol: string, trading: Trading): Generator<string> {
  if ((trading.phase === "auction") !== (trading.endsAtMs !== null)) {
    yield `${symbol} is ${trading.phase} and its auction ends at ${trading.endsAtMs}`;
  }
  if (trading.uncrossTicks !== null && trading.phase !== "auction") {
    yield `${symbol} is ${trading.phase} and uncrosses at ${trading.uncrossTicks}`;
  }
}

/** Groups and switches are somebody's; a group that was tripped has nothing open and counts nothing. */
export function* quotingBreaches(state: CoreState): Generator<string | null> {
  for (const [key, group] of state.groups) {
    const where = `quote group ${key}`;
    if (!state.accounts.has(group.account) || !state.instruments.has(group.symbol)) {
      yield `${where} is of account ${group.account} and ${group.symbol}, which are not there`;
    }
    if (group.isTripped && group.fills.length > 0) yield `${where} is tripped and counts fills`;
    yield null;
  }
  for (const [number, { group: name }] of state.terms) {
    const order = state.orders.get(number);
    if (name === null || order === undefined) continue;
    const group = state.groups.get(`${order.account}:${order.symbol}:${name}`);
    if (group === undefined) yield `order ${number} is in quote group ${name}, which is not there`;
    else yield group.isTripped ? `order ${number} is open in a quote group that is tripped` : null;
  }
  for (const account of state.cancelsAfter.keys()) {
    yield state.accounts.has(account) ? null : `account ${account} has a switch and is not there`;
  }
}
