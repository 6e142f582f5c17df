/** The recount of what verdicts lead to, held to a market's own events and to each of them falsified. */
import { expect, test } from "vitest";
import type { CoreEvent, EventOf, EventType } from "#exchange/core/events.ts";
import { createServingMarket } from "#exchange/core/sla/serving.fixture.ts";
import { DeliveryFacts } from "./delivery-facts.ts";

/** Failures, a breaker, its trial, a throttle, a suspension, slow answers, two windows, pay and its rest. */
function failingSupplier(): CoreEvent[] {
  const sla = { windowMs: 600_000, requestsPerWindowMin: 10, holdbackMs: 60_000 };
  const { market, good, fail, measured, buyUnits } = createServingMarket(sla);
  good(50);
  fail(5);
  market.advance(30_000);
  good();
  for (let n = 0; n < 20; n += 1) measured({ firstTokenMs: 9_999, tokensPerSecond: null });
  for (let n = 0; n < 6; n += 1) {
    fail(4);
    good();
  }
  market.advance(570_000);
  market.advance(60_000);
  good(20);
  fail(2);
  market.advance(600_000);
  market.advance(3_600_000);
  buyUnits(1);
  return market.events;
}

const EVENTS = failingSupplier();

function problemsOf(events: readonly CoreEvent[]): string {
  const facts = new DeliveryFacts();
  for (const event of events) facts.take(event);
  return facts.problemsWhenIdle().join("\n");
}

/** With the first event of a type changed, or left out. */
function changed<T extends EventType>(
  type: T,
  change: (event: EventOf<T>) => object | null,
): CoreEvent[] {
  let isDone = false;
  return EVENTS.flatMap((event) => {
    if (isDone || event.type !== type) return [event];
    isDone = true;
    const fields = change(event as EventOf<T>);
    return fields === null ? [] : [{ ...event, ...fields } as CoreEvent];
  });
}

test("a market that keeps the rules has no problem, and has shown all of them", () => {
  expect(problemsOf(EVENTS)).toBe("");
  const types = new Set(EVENTS.map(({ type }) => type));
  expect([...types]).toEqual(
    expect.arrayContaining([
      ...["breaker-opened", "breaker-half-opened", "breaker-closed", "weight-changed"],
      ...["supplier-suspended", "supplier-reinstated", "window-closed", "supplier-paid"],
      "holdback-released",
    ]),
  );
});

test.each<[string, CoreEvent[], RegExp]>([
  ["a breaker that does not open", changed("breaker-opened", () => null), /no breaker-opened came/],
  [
    "one that half-opens too early",
    changed("breaker-half-opened", ({ atMs }) => ({ atMs: atMs - 1 })),
    /half-opened at \d+, too early/,
  ],
  [
    "a pause of another length",
    changed("breaker-opened", ({ halfOpensAtMs }) => ({ halfOpensAtMs: halfOpensAtMs + 1 })),
    /halfOpensAtMs is \d+, expected/,
  ],
  [
    "a trial that does not close it",
    changed("breaker-closed", () => null),
    /no breaker-closed came/,
  ],
  [
    "another weight",
    changed("weight-changed", () => ({ weightBps: 4_999 })),
    /weighs 4999, expected 5000/,
  ],
  [
    "a supplier that is not suspended",
    changed("supplier-suspended", () => null),
    /no supplier-suspended came/,
  ],
  [
    "one that is back too early",
    changed("supplier-reinstated", () => ({ atMs: 0 })),
    /was reinstated at \d+, too early/,
  ],
  [
    "a verdict that is too kind",
    changed("delivery-judged", ({ attempts }) => ({
      attempts: attempts.map((each) => ({ ...each, verdict: "excused" })),
    })),
    /was judged "1 excused/,
  ],
  [
    "a penalty that is too low",
    changed("window-closed", ({ charge }) => ({
      charge: { ...charge, penaltyMicros: charge.penaltyMicros - 1n },
    })),
    /the penalty: \d+, expected/,
  ],
  [
    "a window that charges nothing",
    changed("window-closed", () => ({ postings: [] })),
    /1:pending has \d+, expected/,
  ],
  [
    "a credit that is another's",
    changed("window-closed", ({ credits }) => ({
      credits: credits.map((credit) => ({ ...credit, account: 1 })),
    })),
    /buyers credited: 1:\d+, expected/,
  ],
  [
    "pay of which too little is kept back",
    changed("supplier-paid", ({ heldBackMicros }) => ({ heldBackMicros: heldBackMicros - 1n })),
    /kept back: \d+, expected/,
  ],
  [
    "pay that is released before its time",
    changed("holdback-released", () => ({ atMs: 0 })),
    /pay was released at \d+, too early/,
  ],
])("%s is found", (_what, events, problem) => {
  expect(problemsOf(events)).toMatch(problem);
});
