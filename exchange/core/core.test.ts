import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, policy, SYMBOL, UNIT } from "./core.fixture.ts";
import { createCore, restoreCore } from "./core.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test.each([
  { name: "NaN", quantity: Number.NaN, price: DOLLAR, code: "invalid-quantity" },
  { name: "a fraction", quantity: 1.5, price: DOLLAR, code: "invalid-quantity" },
  { name: "zero", quantity: 0, price: DOLLAR, code: "invalid-quantity" },
  { name: "negative", quantity: -5, price: DOLLAR, code: "invalid-quantity" },
  { name: "huge", quantity: 1e12, price: DOLLAR, code: "invalid-quantity" },
  { name: "a price of zero", quantity: 1, price: 0, code: "invalid-price" },
  { name: "a NaN price", quantity: 1, price: Number.NaN, code: "invalid-price" },
  { name: "over the balance", quantity: UNIT * 100, price: DOLLAR, code: "insufficient-balance" },
])("an order that is $name is refused and changes nothing", ({ quantity, price, code }) => {
  const market = createTestMarket();
  const buyer = market.account("B", 1_000_000n, "advanced");
  const before = text(market.core.snapshot());
  const outcome = market.tryTo(market.order(buyer, { quantity, priceTicks: price }));
  expect(outcome).toMatchObject({ ok: false, rejection: { code }, events: [] });
  expect(text(market.core.snapshot())).toBe(before);
});

test("issuance beyond theta x measured capacity is refused with what is still allowed", () => {
  const market = createTestMarket();
  const { account } = market.supplier("S", { capacityUnits: 4 });
  const outcome = market.tryTo({ type: "issue-supply", account, symbol: SYMBOL, quantity: 101 });
  expect(outcome).toMatchObject({
    ok: false,
    rejection: { code: "capacity-exceeded", details: { allowed: "1" } },
  });
});

test("an ask that the bond cannot carry is refused", () => {
  const market = createTestMarket();
  const { account } = market.supplier("S", { bondMicros: 799_999n });
  const outcome = market.tryTo(market.order(account, { side: "sell", quantity: UNIT }));
  expect(outcome).toMatchObject({ ok: false, rejection: { code: "insufficient-bond" } });
});

test("an ask of a supplier that no node can serve for is refused, issued Units or not", () => {
  const market = createTestMarket();
  const { account, node } = market.supplier("S");
  market.run({ type: "issue-supply", account, symbol: SYMBOL, quantity: UNIT });
  market.run({ type: "transfer-issued", account, symbol: SYMBOL, quantity: UNIT });
  market.unlink(node);
  const outcome = market.tryTo(market.order(account, { side: "sell", issueMissing: false }));
  expect(outcome).toMatchObject({ ok: false, rejection: { code: "node-not-connected" } });
  market.link(node, 1000);
  market.run(market.order(account, { side: "sell", issueMissing: false }));
});

test("losing the link takes a supplier's asks out of the book at once and returns them with it", () => {
  const market = createTestMarket();
  const { account, node } = market.supplier("S");
  market.ask(account, DOLLAR, UNIT);
  const book = () => market.state.instruments.get(SYMBOL)?.book;
  market.unlink(node);
  expect(book()?.size).toBe(0);
  market.link(node, 1000);
  expect(book()?.size).toBe(1);
});

test("after the grace period the asks of an absent supplier are cancelled and its Units burned", () => {
  const market = createTestMarket();
  const { account, node } = market.supplier("S");
  market.ask(account, DOLLAR, UNIT);
  market.unlink(node);
  market.advance(25_001);
  expect(market.state.orders.size).toBe(0);
  expect(market.balance(`${account}/${SYMBOL}:issued`)).toBe(0n);
  expect(market.free(`${account}:bond`)).toBe(market.balance(`${account}:bond`));
});

test("capacity that falls cancels the newest asks first and never cuts a Lot", () => {
  const market = createTestMarket();
  const { account, node } = market.supplier("S", { capacityUnits: 16 });
  const buyer = market.account("B", 10_000_000n, "advanced");
  market.ask(account, DOLLAR, UNIT);
  market.run(market.order(buyer, { quantity: UNIT }));
  const older = market.ask(account, DOLLAR, UNIT);
  market.ask(account, DOLLAR, UNIT);
  market.link(node, 8);
  expect([...market.state.orders.keys()]).toEqual([older]);
  expect(market.state.lots.size).toBe(1);
});

test("Auto Mode buys the whole reservation from one supplier, passing smaller asks over", () => {
  const market = createTestMarket();
  const small = market.supplier("small");
  const large = market.supplier("large");
  market.ask(small.account, DOLLAR, 1);
  market.ask(large.account, DOLLAR + 10, UNIT);
  const buyer = market.account("B", 1_000_000n);
  const reservation = market.reserve(buyer, 5_000, 9_000);
  expect(reservation.supplier).toBe(large.account);
  expect(reservation.parts.map((part) => part.tokens)).toEqual([14_000]);
});

test("without a maximum the reservation shrinks to what can be paid, and never below 256", () => {
  const market = createTestMarket();
  const { account } = market.supplier("S");
  market.ask(account, DOLLAR, UNIT);
  const buyer = market.account("B", 10_100n);
  expect(market.reserve(buyer, 9_000, null).maxOutputTokens).toBe(1_000);
  const poor = market.account("P", 5_000n);
  expect(market.tryReserve(poor, 9_000, null)).toMatchObject({
    ok: false,
    rejection: { code: "payment-required" },
  });
});

test("a Lot that outlived its expiry for a delivery ends when that delivery moves to another supplier", () => {
  const market = createTestMarket({ lotLifetimeMs: 60_000, deliveryTimeMsMax: 600_000 });
  const first = market.supplier("first");
  const second = market.supplier("second");
  market.ask(first.account, DOLLAR, UNIT);
  market.ask(second.account, DOLLAR + 1, UNIT);
  const buyer = market.account("B", 10_000_000n);
  const { delivery, parts } = market.reserve(buyer, 1_000, 4_000);
  market.advance(61_000);
  expect(market.state.lots.has(parts[0]?.lot ?? 0)).toBe(true);
  market.run({ type: "retry-delivery", delivery, attempt: 1, cause: "crash" });
  expect(market.state.lots.has(parts[0]?.lot ?? 0)).toBe(false);
});

test("a clock set back does not bring back the time in which a Lot outlived its expiry", () => {
  const market = createTestMarket({ lotLifetimeMs: 30_000, deliveryTimeMsMax: 600_000 });
  const { account } = market.supplier("S");
  market.ask(account, DOLLAR, UNIT);
  const { delivery } = market.reserve(market.account("B", 10_000_000n), 1_000, 4_000);
  const boughtMs = market.nowMs();
  const release = {
    type: "release-delivery",
    delivery,
    attempt: 1,
    cause: "test",
    completionTokens: 0,
  } as const;
  // Looks at the Lot, leaves it to its delivery, and leaves no event.
  expect(market.core.execute({ type: "tick" }, boughtMs + 31_000).events).toEqual([]);
  market.core.execute({ ...release, verdict: "excused" }, boughtMs + 1_000);
  expect(market.state.lots.size).toBe(0);
});

test("fees that rise while a bid rests are paid as far as its hold reaches, and the rest stays covered", () => {
  const market = createTestMarket({ takerFeeBps: 0, makerFeeBps: 0 });
  const { account } = market.supplier("S");
  const buyer = market.account("B", 1_000_000n, "advanced");
  market.run(market.order(buyer, { quantity: UNIT }));
  market.run({ type: "adopt-policy", policy: { ...policy, takerFeeBps: 0, makerFeeBps: 500 } });
  market.ask(account, DOLLAR, UNIT / 4);
  expect(market.balance("exch:fees")).toBe(0n);
  market.ask(account, DOLLAR, (3 * UNIT) / 4);
  expect(market.state.orders.size).toBe(0);
  expect(market.balance(`${buyer}:avail`)).toBe(0n);
});

test("the same client order id and content is answered again and placed once", () => {
  const market = createTestMarket();
  const buyer = market.account("B", 10_000_000n, "advanced");
  const order = market.order(buyer, { clientOrderId: "mine-1" });
  expect(market.run(order)).toEqual(market.run(order));
  expect(market.state.orders.size).toBe(1);
  const other = market.tryTo({ ...order, quantity: 2 });
  expect(other).toMatchObject({ ok: false, rejection: { code: "client-order-id-reused" } });
});

test("replaying the events, with and without a snapshot between, gives the same bytes as living them", () => {
  const market = createTestMarket();
  const s = market.supplier("S");
  const buyer = market.account("B", 50_000_000n);
  market.ask(s.account, DOLLAR, UNIT * 20);
  for (let request = 0; request < 200; request += 1) {
    const { delivery } = market.reserve(buyer, 100 + request, 500);
    if (request % 40 === 0) {
      market.run({
        type: "release-delivery",
        delivery,
        attempt: 1,
        verdict: "failed",
        cause: "test",
        completionTokens: 0,
      });
    } else market.settle(delivery, 100 + request, request);
    if (request % 20 === 0) market.advance(900_000);
    if (request === 90) {
      market.unlink(s.node);
      market.advance(20_000);
      market.link(s.node, 1000);
    }
  }
  const live = text(market.core.snapshot());
  const replayed = createCore();
  let halfway = createCore();
  for (const event of market.events) {
    replayed.apply(event);
    halfway.apply(event);
    if (event.seq === 150) halfway = restoreCore(halfway.snapshot());
  }
  expect(text(replayed.snapshot())).toBe(live);
  expect(text(halfway.snapshot())).toBe(live);
});
