import { describe, expect, test } from "vitest";
import { DOLLAR, UNIT } from "#exchange/core/core.fixture.ts";
import { createServingMarket, UNPAUSED } from "./serving.fixture.ts";

describe("requests put on their buyers", () => {
  /** S and T, each with a buyer of its own; T has answered `others` requests. */
  function twoSuppliers(others: { answered: number; refused: number }, sla = {}) {
    const serving = createServingMarket({ ...UNPAUSED, ...sla });
    const { market, end, good, events } = serving;
    const t = market.supplier("T");
    const buyer = market.account("D", 1_000_000_000n, "advanced");
    market.ask(t.account, DOLLAR, 10 * UNIT);
    market.run(market.order(buyer, { quantity: 10 * UNIT }));
    good(others.answered, buyer);
    for (let n = 0; n < others.refused; n += 1) end("excused", "buyer-refused", buyer);
    const refuse = (times: number) => {
      for (let n = 0; n < times; n += 1) end("excused", "buyer-refused");
    };
    return { ...serving, refuse, breaches: () => events("integrity-recorded") };
  }

  test("are told when others on the instrument find hardly any: once, with the figures", () => {
    const { supplier, good, refuse, breaches } = twoSuppliers({ answered: 100, refused: 0 });
    good(50);
    refuse(9);
    expect(breaches()).toEqual([]);
    refuse(1);
    expect(breaches()).toMatchObject([
      {
        account: supplier,
        kind: "refusals-implausible",
        detail: "refused 10 of 60 requests of text-lite: at least 6.7 %, others 0 %",
      },
    ]);
    refuse(9);
    expect(breaches()).toHaveLength(1);
  });

  test("suspend at the third time", () => {
    const { good, refuse, breaches, standing } = twoSuppliers({ answered: 100, refused: 0 });
    for (let time = 1; time <= 3; time += 1) {
      expect(standing.suspendedUntilMs).toBeNull();
      good(10);
      refuse(10);
      expect(breaches()).toHaveLength(time);
    }
    expect(standing.suspendedUntilMs).not.toBeNull();
  });

  test("are plausible where others find as many, or there are no others to compare with", () => {
    const asMany = twoSuppliers({ answered: 90, refused: 20 });
    asMany.good(50);
    asMany.refuse(20);
    expect(asMany.breaches()).toEqual([]);
    const alone = twoSuppliers({ answered: 99, refused: 0 });
    alone.refuse(50);
    expect(alone.breaches()).toEqual([]);
  });

  test("are compared by the policy's numbers where it has any", () => {
    const { refuse, breaches } = twoSuppliers(
      { answered: 100, refused: 0 },
      { refusalsFreeBps: 10_000 },
    );
    refuse(60);
    expect(breaches()).toEqual([]);
  });
});

test("a report of many times the tokens that came is told; what tokenizers differ by is not", () => {
  const { supplier, serve, events } = createServingMarket(UNPAUSED);
  serve({ reportedTokens: 11_000 });
  serve({ reportedTokens: null });
  expect(events("integrity-recorded")).toEqual([]);
  serve({ reportedTokens: 11_001 });
  expect(events("integrity-recorded")).toMatchObject([
    {
      account: supplier,
      kind: "token-inflation",
      detail: "reported 11001 tokens, 1000 came",
    },
  ]);
});
