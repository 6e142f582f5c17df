import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, SYMBOL, UNIT } from "./core.fixture.ts";
import { breachesInSteps, invariantBreaches } from "./invariants.ts";
import type { CoreState } from "./state.ts";

/** Orders 1 and 3 rest, order 2 bought Lot 1, on which delivery 1 draws. Account 1 sells, 2 buys. */
function someMarket() {
  const market = createTestMarket();
  const { account: seller } = market.supplier("S");
  const buyer = market.account("B", 9_000_000n, "advanced");
  market.ask(seller, DOLLAR, 2 * UNIT);
  market.run(market.order(buyer, { clientOrderId: "mine" }));
  market.run(market.order(buyer, { priceTicks: DOLLAR - 5 }));
  market.reserve(buyer, 100, 100);
  return market;
}

function row<Key, Value>(rows: Map<Key, Value>, key: Key): Value {
  const value = rows.get(key);
  if (value === undefined) throw new Error(`no row ${key}`);
  return value;
}

type Damage = [what: string, damage: (state: CoreState) => void, words: string];
const hold = (hold: string, from: string, amount: bigint) => (state: CoreState) =>
  state.ledger.apply([{ kind: "hold", hold, from, amount }]);

const DAMAGES: Damage[] = [
  [
    "a bid that holds too much",
    hold("bid3", "2:avail", 1n),
    "order 3 has 1009496 in bid3 for the 100 left, expected 1009495",
  ],
  [
    "an ask with too little bond",
    ({ ledger }) => ledger.apply([{ kind: "void", hold: "ask1:margin", amount: 1n }]),
    "order 1 has 799999 in ask1:margin for the 100 left, expected 800000",
  ],
  [
    "a Lot with too little bond",
    ({ ledger }) => ledger.apply([{ kind: "void", hold: "lot1:margin", amount: 1n }]),
    "Lot 1: the bond behind it is 799999, expected 800000",
  ],
  [
    "more Units than the nodes allow",
    ({ ledger }) => {
      const amount = 300_000_000n;
      const [from, to] = [`1/${SYMBOL}:issuer`, `1/${SYMBOL}:issued`];
      ledger.apply([{ kind: "move", from, to, amount }]);
    },
    `supplier 1/${SYMBOL} has 301000000 tokens unsold beside 1000000 owed, its nodes allow 249000000`,
  ],
  [
    "a supplier that counts less than it owes",
    (state) => {
      row(state.supplies, `1/${SYMBOL}`).owedTokens -= 1;
    },
    `supplier 1/${SYMBOL} counts 999999 tokens owed, its Lots have 1000000`,
  ],
  [
    "an order that its account does not know",
    (state) => void row(state.accounts, 2).openOrders.delete(3),
    "order 3 is open, but not among those of account 2",
  ],
  [
    "an account that knows an order too many",
    (state) => void row(state.accounts, 2).openOrders.add(2),
    "account 2 has order 2 among its own, which it has not open",
  ],
  [
    "an account that knows a Lot too many",
    (state) => void row(state.accounts, 1).lots.add(1),
    "account 1 has Lot 1 among its own, which it does not own",
  ],
  [
    "client ids that are counted twice",
    (state) => void state.clientIdCounts.set(2, 2),
    "account 2 counts 2 client ids, has 1",
  ],
  [
    "client ids that are not counted",
    (state) => void state.clientIdCounts.delete(2),
    "account 2 counts no client ids, has 1",
  ],
  [
    "a node that its key does not find",
    (state) => void state.nodesByKey.set("key-S", 7),
    "node 1 is found as 7 by its key",
  ],
  [
    "a node that is away and still counted",
    (state) => {
      row(state.nodes, 1).session = null;
    },
    `supplier 1 is counted as linked with 1000000000 of ${SYMBOL}, by its nodes it is away with nothing`,
  ],
  [
    "an order in the book that is not open",
    (state) => void row(state.instruments, SYMBOL).book.add(0, DOLLAR - 9, 1, 77),
    `the book of ${SYMBOL} holds order 77, which does not rest there`,
  ],
  [
    "a holding that miscounts what is free",
    (state) => {
      const holding = row(
        state.holdings.of(row(state.accounts, 2), SYMBOL) as Map<number, never>,
        1,
      );
      (holding as { freeTokens: number }).freeTokens += 1;
    },
    `the holding of account 2 in ${SYMBOL} of 1 counts 999801 free tokens, its Lots have 999800`,
  ],
  [
    "a delivery that its Lot does not count",
    (state) => {
      row(state.lots, 1).openDeliveries += 1;
    },
    "Lot 1 counts 2 deliveries, 1 draw on it",
  ],
  [
    "a delivery that its account does not count",
    (state) => {
      row(state.accounts, 2).openDeliveries = 0;
    },
    "account 2 counts 0 deliveries, 1 are open",
  ],
  [
    "a hold that nothing has",
    hold("lot7:margin", "1:bond", 5n),
    "hold lot7:margin of 5 on 1:bond belongs to nothing",
  ],
  [
    "a hold on the wrong account",
    ({ ledger }) =>
      ledger.apply([
        { kind: "void", hold: "lot1:margin", amount: 800_000n },
        { kind: "hold", hold: "lot1:margin", from: "2:avail", amount: 800_000n },
      ]),
    "hold lot1:margin is on 2:avail, expected 1:bond",
  ],
  [
    "more held than the holds add up to",
    (state) => {
      for (const account of state.ledger.accounts())
        if (account.name === "2:avail") account.held += 1n;
    },
    "2:avail has 1009496 held, its holds add up to 1009495",
  ],
  [
    "money from nowhere",
    (state) => {
      for (const account of state.ledger.accounts())
        if (account.name === "2:avail") account.credits += 1n;
    },
    "all accounts of USD together stand at 1, expected 0",
  ],
];

test("a market in order has no breaches", () => {
  expect(invariantBreaches(someMarket().state)).toEqual([]);
});

test.each(DAMAGES)("%s is told", (_what, damage, words) => {
  const { state } = someMarket();
  damage(state);
  expect(invariantBreaches(state)).toContain(words);
});

test.each(DAMAGES)("%s is told by a walk that commands pause", (_what, damage, words) => {
  const market = someMarket();
  damage(market.state);
  const told: string[] = [];
  let order = 0;
  for (const breach of breachesInSteps(market.state)) {
    if (breach !== null) told.push(breach);
    // What these move is moved back, so that the words stay the same.
    const command = market.order(2, { priceTicks: DOLLAR - 7, quantity: 3 });
    if (order === 0) {
      const placed = market.core.execute(command, market.nowMs());
      order = placed.ok ? placed.result.order : 0;
    } else {
      market.core.execute({ type: "cancel-order", account: 2, order }, market.nowMs());
      order = 0;
    }
  }
  expect(told.some((each) => each.startsWith(words.slice(0, 20)))).toBe(true);
});

test("a Lot past its expiry is excused by its own due item alone", () => {
  const market = someMarket();
  const { state } = market;
  const lot = row(state.lots, 1);
  market.settle(1, 0, 0);
  lot.expiresAtMs = state.nowMs;
  expect(invariantBreaches(state)).toEqual([
    `Lot 1 expired at ${state.nowMs}, and nothing will end it`,
  ]);
  state.due.push({ dueMs: state.nowMs, kind: "lot-expiry", id: 2 });
  expect(invariantBreaches(state)).toHaveLength(1);
  state.due.push({ dueMs: state.nowMs, kind: "lot-expiry", id: 1 });
  expect(invariantBreaches(state)).toEqual([]);
});

test("a grace period that nothing will end is told", () => {
  const market = someMarket();
  market.unlink(1);
  row(market.state.attendance, 1).graceEndsAtMs = market.state.nowMs;
  expect(invariantBreaches(market.state)).toEqual([
    `the grace of supplier 1 ended at ${market.state.nowMs}, and nothing will end it`,
  ]);
});

test("a walk that another begins beside says nothing wrong", () => {
  const market = someMarket();
  const told = [...breachesInSteps(market.state)].length;
  const first = breachesInSteps(market.state);
  for (let step = 0; step < told - 4; step += 1) expect(first.next().value).toBeNull();
  expect(invariantBreaches(market.state)).toEqual([]);
  market.ask(1, DOLLAR, UNIT);
  expect([...first].filter((breach) => breach !== null)).toEqual([]);
});
