import { expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { supplierScores } from "./scores.ts";
import { createServingMarket } from "./serving.fixture.ts";

function recording() {
  const serving = createServingMarket();
  const { market, supplier: account, node } = serving;
  const record = (kind: string, times = 1) => {
    let result = { recorded: 0, suspendedInstruments: 0 };
    for (let n = 0; n < times; n += 1) {
      result = market.run({ type: "record-integrity", account, node, kind, detail: "seen" });
    }
    return result;
  };
  return { ...serving, record, standing: () => serving.standing };
}

test("a grave breach suspends every instrument that the supplier sells or serves", () => {
  const { market, supplier, node, record } = recording();
  const supplies = [SYMBOL, "text-prime"].map((symbol) => ({ symbol, capacityTokens: 1_000_000 }));
  market.run({ type: "connect-node", node, session: "two", slots: 1, supplies });
  expect(record("foreign-stream")).toEqual({ recorded: 1, suspendedInstruments: 2 });
  const suspended = market.events.filter(({ type }) => type === "supplier-suspended");
  expect(suspended).toMatchObject([
    { account: supplier, symbol: SYMBOL, why: "integrity: foreign-stream, recorded 1 times" },
    { symbol: "text-prime" },
  ]);
});

test("a wrong count of bytes suspends at the third time", () => {
  const { record, standing } = recording();
  expect(record("wrong-byte-count", 2)).toEqual({ recorded: 2, suspendedInstruments: 0 });
  expect(standing().suspendedUntilMs).toBeNull();
  expect(record("wrong-byte-count").suspendedInstruments).toBe(1);
});

test("other kinds are counted and suspend nobody; the counts are shown", () => {
  const { market, supplier, record } = recording();
  expect(record("constructor", 50).suspendedInstruments).toBe(0);
  expect(supplierScores(market.state, supplier).integrity).toEqual([
    { kind: "constructor", recorded: 50 },
  ]);
});

test("an account or node that is not there is refused", () => {
  const { market, supplier } = recording();
  const command = { type: "record-integrity", kind: "wrong-model", detail: "" } as const;
  const nobody = market.tryTo({ ...command, account: 99, node: null });
  expect(nobody).toMatchObject({ ok: false, rejection: { code: "account-not-found" } });
  const foreign = market.tryTo({ ...command, account: supplier, node: 99 });
  expect(foreign).toMatchObject({ ok: false, rejection: { code: "node-not-found" } });
});
