import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, UNIT } from "./core/core.fixture.ts";
import { watchInvariants } from "./invariant-watch.ts";

/** A watch over a market with some orders; `tick` begins a pass, `turn` lets one slice run. */
function watchedMarket(rowsPerSlice = 1_000) {
  const market = createTestMarket();
  const { account } = market.supplier("S");
  for (let ask = 0; ask < 5; ask += 1) market.ask(account, DOLLAR + ask, UNIT);
  const said: { breaches: string[]; remedy: string }[] = [];
  const turns: (() => void)[] = [];
  let tick = () => {};
  let stoppedBecause: string | null = null;
  const watch = watchInvariants(
    { rowsPerSlice },
    {
      shell: {
        state: market.state,
        stopTrading(reason) {
          stoppedBecause ??= reason;
        },
        get stoppedBecause() {
          return stoppedBecause;
        },
      },
      log: { fatal: (record) => void said.push(record as (typeof said)[0]) },
      defer: (run) => void turns.push(run),
      ticker(run) {
        tick = run;
        return () => {
          tick = () => {};
        };
      },
    },
  );
  return {
    market,
    account,
    watch,
    said,
    turns,
    tick: () => tick(),
    turn: () => turns.shift()?.(),
    stoppedBecause: () => stoppedBecause,
  };
}

test("books in order are left alone", () => {
  const { tick, said, stoppedBecause } = watchedMarket();
  tick();
  tick();
  expect([said, stoppedBecause()]).toEqual([[], null]);
});

test("a row that is wrong stops trading, and the log says what, where and what to do", () => {
  const { market, tick, said, stoppedBecause } = watchedMarket();
  const order = market.state.orders.get(3);
  if (order !== undefined) order.filled += 1;
  tick();
  expect(stoppedBecause()).toMatch(
    /books are in disorder: order 3 has 1000000 in ask3 for the 99 left, expected 990000/,
  );
  expect(said[0]?.breaches[0]).toContain("order 3");
  expect(said[0]?.remedy).toContain("gridspot exchange verify");
});

test("totals that are wrong stop trading", () => {
  const { market, account, tick, stoppedBecause } = watchedMarket();
  market.state.ledger.apply([{ kind: "move", from: "world", to: `${account}:bond`, amount: 5n }]);
  tick();
  expect(stoppedBecause()).toBeNull();
  market.state.ledger.apply([{ kind: "hold", hold: "bid77", from: `${account}:bond`, amount: 5n }]);
  tick();
  expect(stoppedBecause()).toContain("hold bid77 of 5");
});

test("many rows are looked at in slices, and commands between them do no harm", () => {
  const { market, account, tick, turn, turns, stoppedBecause } = watchedMarket(2);
  tick();
  expect(turns).toHaveLength(1);
  market.run({ type: "cancel-order", account, order: 3 });
  market.ask(account, DOLLAR + 9, UNIT);
  for (let slice = 0; turns.length > 0 && slice < 100; slice += 1) turn();
  expect(turns).toHaveLength(0);
  expect(stoppedBecause()).toBeNull();
  tick();
  expect(turns).toHaveLength(1);
});

test("a watch that is closed looks no more", () => {
  const { market, watch, tick, stoppedBecause } = watchedMarket();
  const order = market.state.orders.get(3);
  if (order !== undefined) order.filled += 1;
  watch.close();
  tick();
  expect(stoppedBecause()).toBeNull();
});

test("what suppliers count of their open Lots is looked at too, while Lots come and go", () => {
  const { market, account, tick, turn, turns, stoppedBecause } = watchedMarket(20);
  const buyer = market.account("B", 100_000_000n, "advanced");
  const buy = () => market.run(market.order(buyer, { priceTicks: DOLLAR, quantity: 1 }));
  for (let lot = 0; lot < 5; lot += 1) buy();
  tick();
  for (let slice = 0; turns.length > 0 && slice < 300; slice += 1) {
    // One is bought, and the oldest is used up, between any two slices.
    buy();
    const { delivery } = market.reserve(buyer, 5_000, 5_000);
    market.settle(delivery, 5_000, 5_000);
    turn();
  }
  expect(turns).toHaveLength(0);
  expect(stoppedBecause()).toBeNull();
  const standing = market.state.suppliers.get(account)?.instruments.get("text-lite");
  if (standing !== undefined) standing.openLotsMicros += 5n;
  tick();
  while (turns.length > 0) turn();
  expect(stoppedBecause()).toMatch(
    /supplier \d+ counts open Lots of text-lite of \d+, they are of/,
  );
});

test("a Lot that is split after it was counted is not counted twice", () => {
  const { market, tick, turn, turns, stoppedBecause } = watchedMarket(1);
  const buyer = market.account("B", 100_000_000n, "advanced");
  market.run(market.order(buyer, { priceTicks: 2 * DOLLAR, quantity: 10 }));
  const transfer = { account: buyer, symbol: "text-lite", quantity: 1 };
  tick();
  for (let slice = 0; turns.length > 0 && slice < 1_000; slice += 1) {
    // From one place to the other and back, a tenth of the Lot each time.
    if (slice < 9) market.run({ type: "transfer-to-trading", ...transfer });
    else if (slice < 18) market.run({ type: "transfer-to-consumption", ...transfer });
    turn();
  }
  expect(market.state.lots.size).toBeGreaterThan(5);
  expect([turns.length, stoppedBecause()]).toEqual([0, null]);
});

test("a debt that nobody is owed stops trading", () => {
  const { market, account, tick, turn, turns, stoppedBecause } = watchedMarket(2);
  market.state.ledger.apply([
    { kind: "move", from: `${account}:owed`, to: "exch:guaranty", amount: 5n },
  ]);
  tick();
  while (turns.length > 0) turn();
  expect(stoppedBecause()).toContain("receivable");
});
