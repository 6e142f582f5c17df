import { expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { breachesInSteps, invariantBreaches } from "#exchange/core/invariants.ts";
import { createScriptMarket } from "#exchange/core/market/order-script.fixture.ts";
import type { CoreState } from "#exchange/core/state.ts";

/** Order 1 waits for a stop price, order 2 ends some time, order 3 is in a quote group. */
function someMarket() {
  const market = createScriptMarket();
  const account = market.accountOf("S");
  const group = { account, symbol: SYMBOL, group: "g", quantityMax: 5, windowMs: 1_000 };
  market.run({ type: "set-quote-group", ...group });
  market.run({ type: "cancel-after", account, afterMs: 5_000 });
  market.playAll(["X buy 1 stop 105", "X buy 1 at 90 until 1000", "S sell 1 at 110 group g"]);
  return market;
}

function row<Key, Value>(rows: Map<Key, Value>, key: Key): Value {
  const value = rows.get(key);
  if (value === undefined) throw new Error(`no row ${key}`);
  return value;
}

type Damage = [what: string, damage: (state: CoreState) => void, words: string];
const trading = (state: CoreState) => row(state.instruments, SYMBOL).trading;

const DAMAGES: Damage[] = [
  [
    "a stop order without a stop price",
    (state) => void state.terms.delete(1),
    "order 1 is waiting, but has no stop price",
  ],
  [
    "a stop order that no trade would find",
    (state) => {
      row(state.instruments, SYMBOL).stops.remove("buy", {
        ...{ order: 1, stopTicks: 105, sinceSeq: row(state.terms, 1).waitsSinceSeq ?? 0 },
      });
    },
    "order 1 is waiting, but not in line",
  ],
  [
    "an order in line that was not triggered",
    (state) => void state.triggered.push(2),
    "order 2 stands in line, not triggered",
  ],
  [
    "a dated order without an end",
    (state) => {
      row(state.terms, 2).expiresAtMs = null;
    },
    "order 2 is gtd and ends at null",
  ],
  [
    "terms of an order that is over",
    (state) => void state.terms.set(77, row(state.terms, 2)),
    "order 77 has terms, but is not open",
  ],
  [
    "an order that is open in a tripped group",
    (state) => {
      for (const group of state.groups.values()) group.isTripped = true;
    },
    "order 3 is open in a quote group that is tripped",
  ],
  [
    "a group that is gone",
    (state) => void state.groups.clear(),
    "order 3 is in quote group g, which is not there",
  ],
  [
    "a switch of nobody",
    (state) => void state.cancelsAfter.set(99, 1),
    "account 99 has a switch and is not there",
  ],
  [
    "an auction without an end",
    (state) => {
      trading(state).phase = "auction";
    },
    `${SYMBOL} is auction and its auction ends at null`,
  ],
  [
    "a price of an auction without one",
    (state) => {
      trading(state).uncrossTicks = 5;
    },
    `${SYMBOL} is active and uncrosses at 5`,
  ],
];

test("a market with stop orders, groups and switches is in order", () => {
  expect(invariantBreaches(someMarket().state)).toEqual([]);
});

test.each(DAMAGES)("%s is found, at once and in steps", (_what, damage, words) => {
  const { state } = someMarket();
  damage(state);
  expect(invariantBreaches(state)).toContain(words);
  expect([...breachesInSteps(state)]).toContain(words);
});
