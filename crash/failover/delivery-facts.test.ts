/** The independent recount of failures, held to a market's own events and to each of them falsified. */
import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, UNIT } from "#exchange/core/core.fixture.ts";
import type { CoreEvent, EventOf, EventType } from "#exchange/core/events.ts";
import { DeliveryFacts } from "./delivery-facts.ts";

const DEARER = (DOLLAR * 11) / 10;

/** S fails a request that S2 covers, one that other Lots serve, and one that nobody serves. */
function failingMarket(): CoreEvent[] {
  const market = createTestMarket();
  const fund = { amountMicros: 1_000_000n, reference: "seed" };
  market.run({ type: "fund-exchange", fund: "cover", ...fund });
  const s = market.supplier("S");
  const s2 = market.supplier("S2");
  const c = market.account("C", 10_000_000n, "advanced");
  const d = market.account("D", 10_000_000n, "advanced");
  market.ask(s.account, DOLLAR, 4);
  market.run(market.order(c, { quantity: 2, priceTicks: DOLLAR }));
  market.run(market.order(d, { quantity: 2, priceTicks: DOLLAR }));
  market.ask(s2.account, DEARER, UNIT);
  market.run(market.order(d, { quantity: 2, priceTicks: DEARER }));
  const retry = (delivery: number, attempt: number) =>
    market.tryTo({ type: "retry-delivery", delivery, attempt, cause: "link-lost" });
  market.settle(market.reserve(c, 10, 400).delivery, 10, 333);
  for (const buyer of [c, d]) {
    const { delivery } = market.reserve(buyer, 1_000, 3_500);
    retry(delivery, 1);
    market.settle(delivery, 1_000, 2_997, 2);
  }
  const failed = market.reserve(c, 50, 100);
  retry(failed.delivery, 1);
  market.run({
    ...{ type: "release-delivery", delivery: failed.delivery, attempt: 2, verdict: "failed" },
    ...{ cause: "link-lost", completionTokens: 0 },
  });
  return market.events;
}

function problemsOf(events: readonly CoreEvent[]): string[] {
  const facts = new DeliveryFacts();
  for (const event of events) facts.take(event);
  return facts.problemsWhenIdle();
}

/** The events with one of a type changed. */
function changed<T extends EventType>(
  type: T,
  change: (event: EventOf<T>) => Partial<EventOf<T>> | null,
): CoreEvent[] {
  let isDone = false;
  return failingMarket().flatMap((event) => {
    if (isDone || event.type !== type) return [event];
    isDone = true;
    const fields = change(event as EventOf<T>);
    return fields === null ? [] : [{ ...event, ...fields } as CoreEvent];
  });
}

test("a market that keeps the rules has no problem", () => {
  const events = failingMarket();
  expect(problemsOf(events)).toEqual([]);
  const charges = events.filter((event) => event.type === "supplier-charged");
  expect(charges.map(({ reason }) => reason)).toEqual(["cover", "price-difference"]);
});

const more = ({ amountMicros }: { amountMicros: bigint }) => ({ amountMicros: amountMicros + 1n });

test.each([
  [
    "a charge that is too high",
    changed("supplier-charged", more),
    /was charged 400 \(cover\), expected 399/,
  ],
  ["a charge that is missing", changed("supplier-charged", () => null), /was not charged 399/],
  [
    "a bill above the floor of the Lot's price",
    changed("delivery-settled", ({ costMicros }) => ({ costMicros: costMicros + 1n })),
    /was billed 344 for 343 tokens, expected 343 for 343/,
  ],
  [
    "a bill for more than was metered",
    changed("delivery-settled", ({ usedTokens }) => ({ usedTokens: usedTokens + 1 })),
    /for 344 tokens, expected 343 for 343/,
  ],
  [
    "pay that went to another",
    changed("delivery-settled", ({ postings }) => ({
      postings: postings.map((posting) =>
        posting.kind === "move" ? { ...posting, to: "2:pending" } : posting,
      ),
    })),
    /1:pending has \S+, expected/,
  ],
  [
    "cover that was paid too well",
    changed("cover-settled", ({ costMicros }) => ({ costMicros: costMicros + 1n })),
    /cover cost \d+ at 2, expected \d+ at 2/,
  ],
  [
    "more agreed than the failure can cost",
    changed("attempt-failed", ({ chargeMaxMicros }) => ({ chargeMaxMicros: chargeMaxMicros + 9n })),
    /agreed on \d+ for supplier 1, expected/,
  ],
  [
    "a hold that is never given back",
    changed("delivery-released", ({ postings }) => ({ postings: postings.slice(1) })),
    /hold delivery4:lot\d still has 150/,
  ],
  ["a delivery without an end", changed("delivery-released", () => null), /delivery 4 is open/],
])("%s is found", (_what, events, problem) => {
  expect(problemsOf(events).join("\n")).toMatch(problem);
});
