import { describe, expect, test } from "vitest";
import { createTestMarket } from "#exchange/core/core.fixture.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { DEFERRED_EVENTS_MAX, DEFERRED_MS_MAX, deferHistory } from "./deferred-history.ts";
import { type History, openHistory } from "./history.ts";

/** A history that notes its portions, behind a deferred one whose timer is turned by hand. */
function opened(fails = false) {
  const inner = openHistory(":memory:");
  const portions: number[] = [];
  const timers: { run: () => void; ms: number }[] = [];
  const failures: string[] = [];
  const watched: History = {
    ...inner,
    get lastSeq() {
      return inner.lastSeq;
    },
    apply(events) {
      portions.push(events.length);
      if (fails) throw new Error("disk gone");
      inner.apply(events);
    },
  };
  const history = deferHistory(watched, {
    later: (run, ms) => void timers.push({ run, ms }),
    onFatal: ({ message }) => void failures.push(message),
  });
  return { history, portions, timers, failures };
}

/** Accounts' events, as many as wanted. */
function events(count: number): CoreEvent[] {
  const market = createTestMarket();
  while (market.events.length < count) market.account(`account ${market.events.length}`, 1n);
  return market.events.slice(0, count);
}

describe("a deferred history", () => {
  test("takes several batches in as one portion, when their time has come", () => {
    const { history, portions, timers } = opened();
    const all = events(4);
    history.apply(all.slice(0, 2));
    history.apply(all.slice(2));
    expect(portions).toEqual([]);
    expect(timers.map(({ ms }) => ms)).toEqual([DEFERRED_MS_MAX]);
    timers[0]?.run();
    expect(portions).toEqual([4]);
    expect(history.lastSeq).toBe(4);
  });

  test("does not wait once a portion is full", () => {
    const { history, portions } = opened();
    history.apply(events(DEFERRED_EVENTS_MAX));
    expect(portions).toEqual([DEFERRED_EVENTS_MAX]);
  });

  test("answers as if nothing waited, and says so in its sequence number", () => {
    const market = createTestMarket();
    const buyer = market.account("buyer", 50_000_000n);
    const seller = market.supplier("seller").account;
    const ask = market.ask(seller, 1_000, 1);
    const { history, portions } = opened();
    history.apply(market.events);
    expect(history.lastSeq).toBe(market.events.length);
    expect(history.order(ask)).toMatchObject({ account: seller });
    expect(history.orders(buyer, {}, { limit: 1, direction: "asc", cursor: null }).items).toEqual(
      [],
    );
    expect(portions).toEqual([market.events.length]);
  });

  test("takes in what waits before it closes, and its timer then does nothing", () => {
    const { history, portions, timers, failures } = opened();
    history.apply(events(3));
    history.close();
    expect(portions).toEqual([3]);
    timers[0]?.run();
    expect(failures).toEqual([]);
  });

  test("a failure that nobody waits for is told", () => {
    const { history, timers, failures } = opened(true);
    history.apply(events(1));
    timers[0]?.run();
    expect(failures).toEqual(["disk gone"]);
  });
});
