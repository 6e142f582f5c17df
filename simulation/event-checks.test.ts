import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, policy, quietSla, UNIT } from "#exchange/core/core.fixture.ts";
import type { CoreEvent, EventOf, EventType } from "#exchange/core/events.ts";
import { createEmptyState } from "#exchange/core/snapshot.ts";
import { EventChecks } from "./event-checks.ts";

/** A Lot that is bought, drawn on by two deliveries, and expires after its supplier was away. */
function someEvents(): CoreEvent[] {
  // Away so long, its Lots would be closed out.
  const sla = { ...quietSla, closeOutMs: 10 * policy.lotLifetimeMs };
  const market = createTestMarket({ sla });
  const { account, node } = market.supplier("S");
  market.ask(account, DOLLAR, UNIT);
  const buyer = market.account("B", 5_000_000n);
  market.settle(market.reserve(buyer, 300, 200).delivery, 300, 100);
  market.reserve(buyer, 300, 200);
  market.advance(policy.deliveryTimeMsMax);
  market.unlink(node);
  market.advance(policy.lotLifetimeMs);
  market.run({ type: "revoke-key", account: buyer, key: market.keyOf(buyer) });
  return market.events;
}

function problemsOf(events: readonly CoreEvent[]): string[] {
  const checks = new EventChecks(createEmptyState());
  return events.flatMap((event) => checks.see(event));
}

/** The events with the first of a type told differently. */
function altered<T extends EventType>(type: T, fields: Partial<EventOf<T>>): CoreEvent[] {
  const events = someEvents();
  const at = events.findIndex((event) => event.type === type);
  return events.with(at, { ...events[at], ...fields } as CoreEvent);
}

test("what happens in a market in order is nowhere wrong", () => {
  expect(problemsOf(someEvents())).toEqual([]);
});

test.each<[what: string, events: CoreEvent[], problem: string]>([
  [
    "fewer tokens than were metered",
    altered("delivery-settled", { usedTokens: 399 }),
    "delivery 1 billed 399 of 500 reserved, metered were 400",
  ],
  [
    "a bill after the delivery's time",
    altered("delivery-settled", { atMs: Date.UTC(2027, 0, 1) }),
    "delivery 1 was billed at 1798761600000",
  ],
  [
    "more on a Lot than is due",
    altered("delivery-settled", {
      costMicros: 401n,
      parts: [{ lot: 1, tokens: 400, priceTicks: DOLLAR, costMicros: 401n }],
    }),
    "delivery 1 paid 401 on Lot 1, due were 400",
  ],
  [
    "a Lot's rest paid out short",
    altered("lot-expired", { toOwnerMicros: 0n }),
    "Lot 1 at its end: ",
  ],
  [
    "a supplier present when it was away",
    altered("lot-expired", { healthySlots: 48 }),
    "Lot 1 at its end: 48 of 48 slots were healthy, by what happened 2 of 48",
  ],
  [
    "a Lot that expires before its time",
    altered("lot-expired", { atMs: 0 }),
    "Lot 1 at its end: 0, it had until",
  ],
  [
    "a Lot at another price",
    altered("trade", { valueMicros: 9_999n }),
    "Lot 1 cost 9999, its price comes to 10000",
  ],
  ["a Lot without bond", altered("trade", { postings: [] }), "Lot 1 has 0 of 8000 bond behind it"],
  [
    "a reservation on an expired Lot",
    altered("delivery-reserved", { atMs: Date.UTC(2027, 0, 1) }),
    "delivery 1 on Lot 1: it expired at",
  ],
  [
    "a reservation by a key of nobody",
    altered("delivery-reserved", { keyId: "stolen" }),
    "delivery 1 was reserved by key stolen, which account 2 has not",
  ],
])("%s is told", (_what, events, problem) => {
  expect(problemsOf(events).some((each) => each.startsWith(problem))).toBe(true);
});

test("what was billed and revoked is remembered over a restart, what was lost is not", () => {
  const events = someEvents();
  const checks = new EventChecks(createEmptyState());
  for (const event of events) checks.see(event);
  const reserved = events.findLast((event) => event.type === "delivery-reserved");
  const settled = events.find((event) => event.type === "delivery-settled");
  const seq = events.at(-1)?.seq ?? 0;
  const restarted = (lastSeq: number) =>
    new EventChecks({ ...createEmptyState(), seq: lastSeq }, checks);
  const billed = { ...settled, delivery: 2 } as CoreEvent;
  const again = (after: EventChecks) =>
    [reserved as CoreEvent, billed].flatMap((event) => after.see(event));
  expect(again(restarted(seq)).join()).toMatch(
    /revoked at event \d+.*request test was billed twice/,
  );
  expect(again(restarted(0)).join()).not.toMatch(/revoked at|billed twice/);
});
