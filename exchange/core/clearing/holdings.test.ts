import fc from "fast-check";
import { expect, test } from "vitest";
import type { Lot } from "#exchange/core/state.ts";
import { Holdings } from "./holdings.ts";

const OWNER = 1;
const SUPPLIER = 2;
const SYMBOL = "text-lite";

function lotOf(number: number, expiresAtMs: number | null, tokens: number): Lot {
  return {
    number,
    symbol: SYMBOL,
    owner: OWNER,
    supplier: SUPPLIER,
    trade: number,
    priceTicks: 1,
    tokens,
    valueMicros: 1n,
    usedTokens: 0,
    paidMicros: 0n,
    marginBps: 0,
    bondedMicros: 0n,
    boughtAtMs: 0,
    costTicks: 1,
    tradingSinceMs: expiresAtMs === null ? 0 : null,
    enteredAtMs: expiresAtMs === null ? null : 0,
    expiresAtMs,
    abandoned: null,
    drawn: null,
    openDeliveries: 0,
    freeTokens: tokens,
    names: null,
  };
}

/** What holdings say, found by looking at every Lot. */
function obvious(lots: ReadonlyMap<number, Lot>, nowMs: number) {
  const usable = [...lots.values()]
    .filter((lot) => (lot.expiresAtMs ?? 0) > nowMs)
    .sort((a, b) => (a.expiresAtMs ?? 0) - (b.expiresAtMs ?? 0) || a.number - b.number);
  return {
    first: usable[0]?.number,
    free: usable.reduce((sum, lot) => sum + lot.freeTokens, 0),
    withFree: usable.filter((lot) => lot.freeTokens > 0).map((lot) => lot.number),
  };
}

const step = fc.record({
  kind: fc.constantFrom("add", "add", "take", "take", "give", "remove"),
  pick: fc.nat(),
  expiresAtMs: fc.integer({ min: 1, max: 60 }),
  tokens: fc.integer({ min: 1, max: 9 }),
  nowMs: fc.integer({ min: 0, max: 70 }),
});

test.each(["before the first Lot", "after all Lots"])(
  "holdings asked for %s say what looking at every Lot says",
  (when) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const lots = new Map<number, Lot>();
        const holdings = new Holdings(lots);
        const holding = () => {
          const owner = { number: OWNER, lots: new Set(lots.keys()) };
          return holdings.of(owner, SYMBOL).get(SUPPLIER);
        };
        const check = (nowMs: number) => {
          const expected = obvious(lots, nowMs);
          expect(holding()?.firstAt(nowMs)?.number).toBe(expected.first);
          expect(holding()?.freeTokensAt(nowMs) ?? 0).toBe(expected.free);
          const withFree = [...(holding()?.withFreeTokens(nowMs) ?? [])];
          expect(withFree.map((lot) => lot.number)).toEqual(expected.withFree);
        };
        steps.forEach(({ kind, pick, expiresAtMs, tokens, nowMs }, n) => {
          const lot = [...lots.values()][pick % Math.max(1, lots.size)];
          if (kind === "add") {
            const bought = lotOf(n, expiresAtMs, tokens);
            lots.set(n, bought);
            holdings.add(bought);
          } else if (lot === undefined) return;
          else if (kind === "take") holdings.free(lot, -Math.min(tokens, lot.freeTokens));
          else if (kind === "give") {
            holdings.free(lot, Math.min(tokens, lot.tokens - lot.freeTokens));
          } else {
            lots.delete(lot.number);
            holdings.remove(lot);
          }
          if (when === "before the first Lot") check(nowMs);
        });
        for (const nowMs of [0, 30, 70]) check(nowMs);
      }),
    );
  },
);

test("a Lot in Trading cannot be drawn on", () => {
  const lots = new Map([[1, lotOf(1, null, 5)]]);
  const holdings = new Holdings(lots);
  const owner = { number: OWNER, lots: new Set(lots.keys()) };
  expect(holdings.of(owner, SYMBOL).size).toBe(0);
});
