/** A state that was restored goes on as the one that was lived, with everything of the SLA in it. */
import { expect, test } from "vitest";
import { DOLLAR, UNIT } from "#exchange/core/core.fixture.ts";
import { createCore, restoreCore } from "#exchange/core/core.ts";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import { createServingMarket } from "./serving.fixture.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const WINDOW_MS = 14_400_000;

/** Few enough that one turn does all that is due. Pay kept back, a window with losses of several buyers, a throttled weight, an open breaker, a suspension. */
function eventful() {
  const serving = createServingMarket({ requestsPerWindowMin: 10 });
  const { market, supplier, buyUnits, good, fail, node } = serving;
  const others = ["Z", "C", "A"].map((name) => market.account(name, 10_000_000n, "advanced"));
  good(10);
  market.advance(WINDOW_MS);
  buyUnits(3);
  market.ask(supplier, DOLLAR, 3 * UNIT);
  for (const other of others) market.run(market.order(other, { quantity: UNIT }));
  good(50);
  for (const other of others.toReversed()) {
    fail(4, other);
    good(1, other);
  }
  fail(4);
  good(5);
  fail(4);
  serving.measured({ firstTokenMs: 9_999, tokensPerSecond: null });
  const kinds = { type: "record-integrity", account: supplier, node, detail: "seen" } as const;
  market.run({ ...kinds, kind: "wrong-byte-count" });
  market.run({ ...kinds, kind: "constructor" });
  market.ask(supplier, 2 * DOLLAR, UNIT);
  fail(5);
  return serving;
}

test("the same things fall due, in the same order, with the same events", () => {
  const { market } = eventful();
  const { core } = market;
  const restored = restoreCore(core.snapshot());
  expect(text(restored.snapshot())).toBe(text(core.snapshot()));
  const seen = new Set<string>();
  for (const ms of [1_000, 25_000, 5_000, 60_000, 300_000, 2 * WINDOW_MS, 300_000_000]) {
    market.skip(ms);
    const lived = core.execute({ type: "tick" }, market.nowMs()).events;
    expect(restored.execute({ type: "tick" }, market.nowMs()).events).toEqual(lived);
    for (const { type } of lived) seen.add(type);
    expect(invariantBreaches(restored.state)).toEqual([]);
  }
  expect([...seen]).toEqual(
    expect.arrayContaining([
      ...["breaker-half-opened", "weight-changed", "window-closed", "supplier-paid"],
      ...["holdback-released", "orders-resumed"],
    ]),
  );
  expect(text(restored.snapshot())).toBe(text(core.snapshot()));
});

test("events, replayed, give the same bytes, from the start and from a snapshot at any of them", () => {
  const { market } = eventful();
  market.advance(3 * WINDOW_MS);
  const { events } = market;
  const live = text(market.core.snapshot());
  for (const stop of [0, 50, 200, 300, events.length - 5]) {
    let core = createCore();
    for (const event of events) {
      if (event.seq === stop) core = restoreCore(core.snapshot());
      core.apply(event);
    }
    expect(text(core.snapshot())).toBe(live);
  }
});

test("pay kept back of several windows is released by itself after a restart, each in its time", () => {
  const numbers = { windowMs: 60_000, holdbackMs: 90_000, requestsPerWindowMin: 1 };
  const { market, supplier, good } = createServingMarket(numbers);
  for (let window = 0; window < 2; window += 1) {
    good(5);
    market.advance(60_000);
  }
  expect(market.state.suppliers.get(supplier)?.holdbacks).toHaveLength(2);
  const restored = market.restored();
  restored.advance(30_000);
  expect(restored.state.suppliers.get(supplier)?.holdbacks).toHaveLength(1);
  restored.advance(60_000);
  expect(restored.state.suppliers.get(supplier)?.holdbacks).toHaveLength(0);
});
