import { describe, expect, test } from "vitest";
import { DOLLAR, START_MS, UNIT } from "#exchange/core/core.fixture.ts";
import {
  available,
  bond,
  GUARANTY,
  owed,
  RECEIVABLES,
} from "#exchange/core/ledger/account-names.ts";
import { createServingMarket, type SlaNumbers, UNPAUSED } from "./serving.fixture.ts";

const WINDOW_MS = 14_400_000;
/** Text-lite may fail twice in a hundred; figures below are at 1.00 per Unit. */
const windowOf = (numbers: SlaNumbers = {}, units = 10, bondMicros?: bigint) =>
  createServingMarket({ ...UNPAUSED, ...numbers }, units, bondMicros);

describe("at the end of a window", () => {
  test("a statement says what was seen, and nothing is charged within the error budget", () => {
    const { market, good, fail, end, events, supplier } = windowOf();
    good(190);
    fail(2);
    end("excused", "client-gone");
    market.advance(WINDOW_MS);
    expect(events("window-closed")).toMatchObject([
      {
        account: supplier,
        endsAtMs: START_MS + WINDOW_MS,
        isCarried: false,
        requests: { good: 190, slow: 0, failed: 2, excused: 1 },
        tokens: { good: 190_000, failed: 2 * 912 },
        failedMicros: 1_824n,
        lotsMicros: 10_000_000n,
        charge: { penaltyMicros: 0n, chargeMicros: 0n },
        credits: [],
        postings: [],
      },
    ]);
  });

  test("failures beyond it are charged to the pay; a quarter compensates the buyers, the rest is the fund's", () => {
    const { market, good, fail, events, supplier, buyer } = windowOf();
    const other = market.account("C", 10_000_000n, "advanced");
    market.ask(supplier, DOLLAR, UNIT);
    market.run(market.order(other, { quantity: UNIT }));
    fail(15);
    fail(5, other);
    // Last, so that no slot of theirs is lost by a failure.
    good(150);
    const before = [buyer, other].map((account) => market.balance(available(account)));
    market.advance(WINDOW_MS);
    const [statement] = events("window-closed");
    // 18,240 of 168,240 failed: 10.84 %; beyond the budget 18,240 - 2 % of 168,240 = 14,875.2.
    // m = 0.5 + 10 x (0.1084 - 0.02) = 1.3841.
    expect(statement).toMatchObject({
      failedMicros: 18_240n,
      charge: {
        failureRatePpm: 108_416,
        shortMicros: 14_875n,
        multipleBps: 13_841,
        penaltyMicros: 20_588n,
        chargeMicros: 20_588n,
      },
      paid: { pendingMicros: 20_588n, owedMicros: 0n },
      credits: [
        { account: buyer, compensationMicros: 3_420n },
        { account: other, compensationMicros: 1_140n },
      ],
      toGuarantyMicros: 16_028n,
      strikesAfter: 1,
    });
    expect(market.balance(GUARANTY)).toBe(16_028n);
    const after = [buyer, other].map((account) => market.balance(available(account)));
    // Their Lots expired in the same moment with the supplier there throughout: nothing came back.
    expect(after.map((micros, at) => micros - (before[at] ?? 0n))).toEqual([3_420n, 1_140n]);
    expect(market.balance("exch:fees")).toBe(110_000n);
  });

  test("slow deliveries beyond 5 in 100 are credited to who had them", () => {
    const { market, good, measured, events, buyer } = windowOf();
    good(90);
    for (let n = 0; n < 10; n += 1) measured({ firstTokenMs: 99_999, tokensPerSecond: null });
    market.advance(WINDOW_MS);
    // 10 x 1,000 at full slowness: half of it, for the half that is beyond 5 in 100.
    expect(events("window-closed")).toMatchObject([
      {
        charge: { slowCreditMicros: 2_500n, penaltyMicros: 0n },
        credits: [{ account: buyer, slowMicros: 2_500n, compensationMicros: 0n }],
        toGuarantyMicros: 0n,
        strikesAfter: 0,
      },
    ]);
  });

  test("strikes make the next one dearer, and a clean one takes a strike off", () => {
    const { market, good, fail, buyUnits, events, standing } = windowOf();
    const charges = [true, true, false, false].map((isBad) => {
      good(isBad ? 90 : 110);
      fail(isBad ? 10 : 0);
      market.advance(WINDOW_MS);
      buyUnits(1);
      const { charge, strikes } = events("window-closed").at(-1) ?? {};
      return [strikes, charge?.repetitionBps];
    });
    expect(charges).toEqual([
      [0, 10_000],
      [1, 15_000],
      [2, 20_000],
      [1, 15_000],
    ]);
    expect(standing.strikes).toBe(0);
  });

  test("too few deliveries to judge by give no strike and take none off", () => {
    const { market, good, fail, buyUnits, standing } = windowOf({ windowsCarriedMax: 1 });
    good(90);
    fail(10);
    market.advance(WINDOW_MS);
    expect(standing.strikes).toBe(1);
    // Carried once, then closed with as few; and one with a Lot and no delivery at all.
    for (const requests of [10, 0, 0]) {
      buyUnits(1);
      good(requests);
      market.advance(WINDOW_MS);
    }
    expect(standing.strikes).toBe(1);
  });

  test("one with fewer than a hundred deliveries is carried over, and closed with the next", () => {
    const { market, good, fail, buyUnits, events } = windowOf();
    good(60);
    fail(6);
    market.advance(WINDOW_MS);
    buyUnits(1);
    good(40);
    market.advance(WINDOW_MS);
    expect(events("window-closed")).toMatchObject([
      {
        isCarried: true,
        requests: { good: 60, failed: 6 },
        paid: { pendingMicros: 0n },
        postings: [],
      },
      {
        isCarried: false,
        requests: { good: 100, failed: 6 },
        lotsMicros: 11_000_000n,
        endsAtMs: START_MS + 2 * WINDOW_MS,
      },
    ]);
    expect(events("window-closed")[1]?.charge.penaltyMicros).toBeGreaterThan(0n);
  });

  test("a small one is carried six times, then charged as it is, without a strike", () => {
    const { market, fail, events, standing } = windowOf();
    fail(3);
    for (let n = 0; n < 9; n += 1) market.advance(WINDOW_MS);
    const closed = events("window-closed");
    expect(closed.map(({ isCarried }) => isCarried)).toEqual([...Array(6).fill(true), false]);
    expect(closed.at(-1)?.charge.chargeMicros).toBeGreaterThan(0n);
    expect(standing).toMatchObject({ strikes: 0, card: null });
  });

  test("the charge is at most twice the Lots that were open in it", () => {
    const { market, buyUnits, fail, events } = windowOf({ penaltyCapBps: 1 }, 1);
    buyUnits(1);
    fail(200);
    market.advance(WINDOW_MS);
    expect(events("window-closed")[0]?.charge).toMatchObject({
      capMicros: 200n,
      chargeMicros: 200n,
    });
  });
});

describe("pay", () => {
  test("is paid out when the window closes, a fifth kept back in probation for three days", () => {
    const { market, good, supplier, events } = windowOf();
    good(100);
    market.advance(WINDOW_MS);
    // 100 deliveries, and the Lot that expired with the supplier there.
    expect(events("supplier-paid")).toMatchObject([
      { tier: "probation", repaidMicros: 0n, heldBackMicros: 2_000_000n, paidMicros: 8_000_000n },
    ]);
    expect(market.balance(`${supplier}:pending`)).toBe(0n);
    expect(market.balance(`${supplier}:avail`)).toBe(8_000_000n);
    market.advance(259_200_000 - 1);
    expect(market.balance(`${supplier}:holdback`)).toBe(2_000_000n);
    market.advance(1);
    expect(market.balance(`${supplier}:avail`)).toBe(10_000_000n);
    expect(market.balance(`${supplier}:holdback`)).toBe(0n);
    expect(market.state.suppliers.get(supplier)?.holdbacks).toEqual([]);
  });

  test("what it cannot cover is owed: bond behind asks and Lots pays, then the next pay", () => {
    // All bond stands behind an ask and a Lot, which a delivery keeps open beyond its expiry.
    const { market, supplier, buyer, fail, events } = windowOf({}, 1, 1_600_000n);
    market.ask(supplier, DOLLAR, UNIT);
    fail(1_000);
    market.advance(WINDOW_MS - 1);
    const { delivery } = market.reserve(buyer, 400, 600);
    market.advance(1);
    const debt = 2_000_000n;
    expect(events("window-closed")[0]).toMatchObject({
      charge: { chargeMicros: 2_000_000n },
      paid: {
        pendingMicros: 0n,
        holdbackMicros: 0n,
        bondMicros: 0n,
        owedMicros: debt,
      },
    });
    // It is in default: its ask is gone, and the bond behind it and behind the Lot has paid.
    const left = debt - 1_600_000n;
    expect(events("debt-collected")).toMatchObject([{ amountMicros: 1_600_000n, lots: [1] }]);
    expect(market.balance(bond(supplier))).toBe(0n);
    expect([market.balance(owed(supplier)), market.balance(RECEIVABLES)]).toEqual([-left, left]);
    // What is still paid for the Lot goes to the fund first.
    expect(market.state.orders.size).toBe(0);
    const fund = market.balance(GUARANTY);
    market.settle(delivery, 400, 600);
    market.advance(WINDOW_MS);
    expect(events("supplier-paid").at(-1)).toMatchObject({
      repaidMicros: left,
      // 1,000 and 47/48 of the unused 999,000, a failed slot lost; less the debt, a fifth kept back.
      paidMicros: 463_350n,
    });
    expect(market.balance(GUARANTY) - fund).toBe(left);
    expect([market.balance(owed(supplier)), market.balance(RECEIVABLES)]).toEqual([0n, 0n]);
  });

  test("kept back, it is charged before the bond, oldest first", () => {
    const { market, supplier, good, fail, node, buyUnits, events } = windowOf();
    good(100);
    market.advance(WINDOW_MS);
    buyUnits(1);
    market.unlink(node);
    market.skip(20_000);
    market.link(node, 1_000);
    fail(200);
    // Away for the rest of the window: the Lot pays nothing.
    market.unlink(node);
    market.advance(WINDOW_MS);
    const { paid } = events("window-closed").at(-1) ?? {};
    expect(paid).toMatchObject({ bondMicros: 0n, owedMicros: 0n });
    const taken = paid?.holdbackMicros ?? 0n;
    expect(taken).toBeGreaterThan(0n);
    market.advance(259_200_000);
    expect(events("holdback-released")[0]).toMatchObject({
      keptMicros: 2_000_000n,
      chargedMicros: taken,
      releasedMicros: 2_000_000n - taken,
      leftMicros: 0n,
    });
    expect(market.balance(`${supplier}:holdback`)).toBe(0n);
  });
});

describe("probation", () => {
  const soon = { probationMs: 2 * WINDOW_MS, probationRequestsMin: 50 };

  test("ends after its time and enough good deliveries, and less is kept back", () => {
    const { market, good, buyUnits, standing, events } = windowOf(soon);
    good(100);
    market.advance(WINDOW_MS);
    expect(standing.tier).toBe("probation");
    buyUnits(1);
    good(100);
    market.advance(WINDOW_MS);
    expect(standing).toMatchObject({ tier: "standard", inTier: { scored: 0, failed: 0 } });
    expect(events("supplier-paid").map(({ tier }) => tier)).toEqual(["probation", "standard"]);
    expect(events("supplier-paid")[1]?.heldBackMicros).toBe(50_000n);
  });

  test("does not end for one that is proved to fail more than the instrument allows", () => {
    const { market, good, fail, standing } = windowOf({ ...soon, probationMs: WINDOW_MS });
    good(200);
    fail(20);
    market.advance(WINDOW_MS);
    expect(standing.tier).toBe("probation");
  });
});

test("bond that is on its way out pays what its supplier comes to owe", () => {
  const { market, supplier, fail, events } = createServingMarket(UNPAUSED, 1, 1_600_000n);
  const account = supplier;
  const wish = { account, amountMicros: 700_000n, from: "bond", reference: "out" } as const;
  const { withdrawal } = market.run({ type: "request-withdrawal", ...wish });
  fail(1_000);
  market.advance(WINDOW_MS);
  expect(events("withdrawal-rejected")).toMatchObject([
    { withdrawal, reason: "the supplier owes" },
  ]);
  expect(market.balance(owed(supplier))).toBe(0n);
});
