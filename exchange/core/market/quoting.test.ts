/** What market makers have beside mass quotes: batches, quote groups, switches, sessions. */
import { describe, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { ORDERS_PER_BATCH_MAX } from "./batch.ts";
import { CANCEL_AFTER_MS_MAX, CANCEL_AFTER_MS_MIN } from "./dead-man.ts";
import { createScriptMarket, quote, type ScriptMarket } from "./order-script.fixture.ts";

function paramsOf(market: ScriptMarket, line: string) {
  const { type: _type, ...params } = market.orderOf(line);
  return params;
}

describe("a batch of orders", () => {
  test("answers each order by itself, in order, and a refused one stops no other", () => {
    const market = createScriptMarket({}, { X: 300n });
    const lines = ["X buy 2 at 100", "X buy 5 at 100", "X buy 0 at 100", "X buy 3 at 30"];
    const account = market.accountOf("X");
    const orders = lines.map((line) => paramsOf(market, line));
    const { results } = market.run({ type: "place-orders", account, orders });
    expect(results).toMatchObject([
      { ok: true, result: { order: 1 } },
      { ok: false, rejection: { code: "insufficient-balance" } },
      { ok: false, rejection: { code: "invalid-quantity" } },
      { ok: true, result: { order: 2 } },
    ]);
    expect(market.book()).toBe("100: #1x2 | 30: #2x3 /");
  });

  test("sees what the orders before did: the second takes the first's maker", () => {
    const market = createScriptMarket();
    market.play("S sell 3 at 100");
    const account = market.accountOf("X");
    const orders = ["X buy 2 at 100", "X buy 2 at 100"].map((line) => paramsOf(market, line));
    market.run({ type: "place-orders", account, orders });
    expect(market.book()).toBe("100: #3x1 /");
  });

  test("is refused whole when it is empty, too long or another account's", () => {
    const market = createScriptMarket();
    const account = market.accountOf("X");
    const order = paramsOf(market, "X buy 1 at 100");
    const foreign = paramsOf(market, "Y buy 1 at 100");
    for (const orders of [[], Array(ORDERS_PER_BATCH_MAX + 1).fill(order), [order, foreign]]) {
      expect(market.tryTo({ type: "place-orders", account, orders })).toMatchObject({
        rejection: { code: "invalid-order" },
        events: [],
      });
    }
  });
});

describe("quote groups", () => {
  const set = (market: ScriptMarket, quantityMax = 5, windowMs = 1_000) =>
    market.run({
      ...{ type: "set-quote-group", account: market.accountOf("S"), symbol: SYMBOL },
      ...{ group: "g", quantityMax, windowMs },
    });

  test("fills that reach the limit within the window cancel the rest of the group, and nothing else", () => {
    const market = createScriptMarket();
    set(market);
    market.playAll(["S sell 3 at 100 group g", "S sell 3 at 101 group g", "S sell 3 at 102"]);
    expect(market.playAll(["X buy 3 at 100", "X buy 2 at 101"])).toEqual([
      "#4 takes 3 of #1 at 100",
      "#5 takes 2 of #2 at 101",
      "#2 ends: quote_group_limit",
    ]);
    expect(market.book()).toBe("/ 102: #3x3");
  });

  test("fills that are as old as the window is long do not count", () => {
    const market = createScriptMarket();
    set(market);
    market.playAll(["S sell 9 at 100 group g", "X buy 4 at 100", "wait 1000", "X buy 4 at 100"]);
    expect(market.book()).toBe("/ 100: #1x1");
    expect(market.playAll(["wait 999", "X buy 1 at 100"])).toEqual(["#4 takes 1 of #1 at 100"]);
  });

  test("one order that sweeps several quotes takes them all", () => {
    const market = createScriptMarket();
    set(market);
    market.playAll([
      "S sell 4 at 100 group g",
      "S sell 4 at 101 group g",
      "S sell 4 at 102 group g",
    ]);
    expect(market.play("X buy 8 at 101")).toEqual([
      "#4 takes 4 of #1 at 100",
      "#4 takes 4 of #2 at 101",
      "#3 ends: quote_group_limit",
    ]);
  });

  test("nothing joins a group that was tripped until it is set again", () => {
    const market = createScriptMarket();
    set(market);
    market.playAll(["S sell 5 at 100 group g", "X buy 5 at 100"]);
    expect(market.play("S sell 5 at 100 group g")).toEqual(["refused: quote-group-tripped"]);
    expect(quote(market, "100x5", { group: "g" })).toMatchObject({
      rejection: { code: "quote-group-tripped" },
    });
    set(market);
    expect(quote(market, "100x5", { group: "g" })).toMatchObject({ ok: true });
    expect(market.play("X buy 4 at 100")).toEqual(["#4 takes 4 of #3 at 100"]);
  });

  test("a group has to be there before an order joins it", () => {
    const market = createScriptMarket();
    expect(market.play("S sell 5 at 100 group g")).toEqual(["refused: invalid-order"]);
  });
});

describe("the dead man's switch", () => {
  const arm = (market: ScriptMarket, afterMs: number) =>
    market.tryTo({ type: "cancel-after", account: market.accountOf("X"), afterMs });

  test("cancels every order of the account once its time is over, and is off then", () => {
    const market = createScriptMarket();
    market.playAll(["X buy 1 at 90", "X buy 1 stop 200", "Y buy 1 at 90"]);
    expect(arm(market, 5_000)).toMatchObject({ result: { cancelsAtMs: market.nowMs() + 5_000 } });
    expect(market.playAll(["wait 4999", "wait 1"])).toEqual([
      "#1 ends: cancel_after",
      "#2 ends: cancel_after",
    ]);
    market.play("X buy 1 at 91");
    market.play("wait 100000");
    expect(market.book()).toBe("91: #4x1 | 90: #3x1 /");
  });

  test("is put off by repeating it and taken back by 0, also after a restart", () => {
    const market = createScriptMarket();
    market.play("X buy 1 at 90");
    arm(market, 5_000);
    market.play("wait 4000");
    arm(market, 5_000);
    market.play("wait 4999");
    expect(market.book()).toBe("90: #1x1 /");
    const restored = market.restored();
    restored.advance(1);
    expect(restored.state.orders.size).toBe(0);
    arm(market, 0);
    market.play("wait 100000");
    expect(market.book()).toBe("90: #1x1 /");
  });

  test.each([1, CANCEL_AFTER_MS_MIN - 1, CANCEL_AFTER_MS_MAX + 1, -1, 5_000.5, Number.NaN])(
    "does not take %d ms",
    (afterMs) => {
      const market = createScriptMarket();
      expect(arm(market, afterMs)).toMatchObject({ rejection: { code: "invalid-order" } });
    },
  );
});

test("a session that ends takes its own orders with it and leaves the others", () => {
  const market = createScriptMarket();
  market.playAll(["X buy 1 at 90 session a", "X buy 1 at 91 session b", "X buy 1 at 92"]);
  market.play("Y buy 1 at 93 session a");
  const account = market.accountOf("X");
  const done = market.run({ type: "cancel-session-orders", account, session: "a" });
  expect(done).toEqual({ cancelled: 1 });
  expect(market.book()).toBe("93: #4x1 | 92: #3x1 | 91: #2x1 /");
});
