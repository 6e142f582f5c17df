import { expect, test } from "vitest";
import { createTestMarket } from "#exchange/core/core.fixture.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import type { CoreState } from "#exchange/core/state.ts";
import type { Shell } from "#exchange/shell.ts";
import { ACCOUNT_KEPT_MS, ACCOUNTS_KEPT_MAX } from "./limits.ts";
import { StreamFeeds } from "./stream-feeds.ts";

function opened() {
  const market = createTestMarket();
  const shell = {
    state: market.state,
    read: async (view: (state: CoreState) => unknown) => view(market.state),
  } as Shell;
  const feeds = new StreamFeeds({ shell, history: { candles: () => [] }, defer: (run) => run() });
  let seq = feeds.durable.seq;
  return {
    feeds,
    /** Lets time pass, as durable events say it. */
    pass(ms: number) {
      seq += 1;
      feeds.apply([{ type: "time-passed", version: 1, seq, atMs: feeds.nowMs + ms } as CoreEvent]);
    },
  };
}

test("an account's events are kept for a while after its last reader left, then forgotten", () => {
  const { feeds, pass } = opened();
  const kept = feeds.account(7);
  const sink = { send: () => {} };
  const reading = kept.log.subscribe(sink, { stream: "user.orders", symbol: null }, null);
  pass(ACCOUNT_KEPT_MS * 2);
  pass(ACCOUNT_KEPT_MS * 2);
  expect(feeds.account(7)).toBe(kept);
  reading.end();
  pass(61_000);
  pass(ACCOUNT_KEPT_MS - 1_000);
  expect(feeds.account(7)).toBe(kept);
  pass(61_000);
  pass(ACCOUNT_KEPT_MS + 1_000);
  expect(feeds.account(7)).not.toBe(kept);
});

test("of too many accounts without readers the oldest are forgotten first, none that has one", () => {
  const { feeds } = opened();
  const [read, first, second] = [feeds.account(1), feeds.account(2), feeds.account(3)];
  read.log.subscribe({ send: () => {} }, { stream: "user.orders", symbol: null }, null);
  for (let account = 4; account <= ACCOUNTS_KEPT_MAX + 1; account += 1) feeds.account(account);
  expect(feeds.account(3)).toBe(second);
  expect(feeds.account(1)).toBe(read);
  expect(feeds.account(2)).not.toBe(first);
});
