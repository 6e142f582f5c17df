/** The worked example of the design, to the micro-dollar: S asks 1 Unit at 1.00, B buys and uses 0.05. */
import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, quietSla, UNIT } from "./core.fixture.ts";
import type { Posting } from "./ledger/ledger.ts";

const SLOT_MS = 300_000;

/** Deposits, S's ask and B's purchase of 0.05 Units, then two requests of 3,200 and 1,000 tokens. */
function marketAfterTwoRequests() {
  // Pay stays pending, so that it can be seen.
  const market = createTestMarket({ sla: quietSla });
  const s = market.supplier("S", { bondMicros: 1_000_000n });
  const b = market.account("B", 1_000_000n, "advanced");
  market.ask(s.account, DOLLAR, UNIT);
  market.run(market.order(b, { quantity: 5, priceTicks: DOLLAR }));
  for (const used of [3_200, 1_000]) {
    const reserved = market.reserve(b, 200, 3_800);
    market.settle(reserved.delivery, 200, used - 200);
  }
  return { market, s: s.account, node: s.node, b };
}

test("the ask holds all its Units and 0.80 of its value as bond", () => {
  const market = createTestMarket();
  const { account } = market.supplier("S", { bondMicros: 1_000_000n });
  market.ask(account, DOLLAR, UNIT);
  expect(market.balance(`${account}/text-lite:issuer`)).toBe(-1_000_000n);
  expect(market.balance(`${account}/text-lite:issued`)).toBe(1_000_000n);
  expect(market.free(`${account}/text-lite:issued`)).toBe(0n);
  expect(market.free(`${account}:bond`)).toBe(200_000n);
});

test("a fill of 0.05 Units moves 50,000 into escrow, 500 into fees, and the bond hold to the Lot", () => {
  const market = createTestMarket();
  const { account: s } = market.supplier("S", { bondMicros: 1_000_000n });
  const b = market.account("B", 1_000_000n, "advanced");
  market.ask(s, DOLLAR, UNIT);
  market.run(market.order(b, { quantity: 5, priceTicks: DOLLAR }));
  expect(market.balance(`${b}:avail`)).toBe(949_500n);
  expect(market.balance("lot1:escrow")).toBe(50_000n);
  expect(market.balance("exch:fees")).toBe(500n);
  expect(market.balance("lot1/text-lite:tokens")).toBe(50_000n);
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(40_000n);
  expect(market.state.ledger.holdAmount("ask1:margin")).toBe(760_000n);
});

test("requests are paid by cumulative floor at the ask's price and the rest of each reservation returns", () => {
  const { market, s } = marketAfterTwoRequests();
  expect(market.balance(`${s}:pending`)).toBe(4_200n);
  expect(market.balance("lot1:escrow")).toBe(45_800n);
  expect(market.free("lot1/text-lite:tokens")).toBe(45_800n);
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(36_640n);
});

test("at expiry a supplier there for 47 of 48 slots gets 47/48 of the unused, the holder the rest", () => {
  const { market, s, node, b } = marketAfterTwoRequests();
  market.advance(10 * SLOT_MS);
  market.unlink(node);
  market.advance(20_000);
  market.link(node, 1000);
  const paidBefore = market.balance(`${s}:pending`);
  const availableBefore = market.balance(`${b}:avail`);
  market.advance(38 * SLOT_MS);
  // floor(45,800 x 47 / 48) = 44,845
  expect(market.balance(`${s}:pending`) - paidBefore).toBe(44_845n);
  expect(market.balance(`${b}:avail`) - availableBefore).toBe(955n);
  expect(market.balance("lot1:escrow")).toBe(0n);
  expect(market.balance("lot1/text-lite:tokens")).toBe(0n);
  expect(market.state.lots.size).toBe(0);
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(0n);
});

/** B sells 0.02 of its 0.05 Units on to C at 1.20; both wait for the sweep. */
function marketAfterResale() {
  const market = createTestMarket({ sla: quietSla });
  market.run({
    ...{ type: "fund-exchange", fund: "cover", amountMicros: 100_000n, reference: "seed" },
  });
  const s = market.supplier("S", { bondMicros: 1_000_000n });
  const b = market.account("B", 1_000_000n, "advanced", { autoTransfer: false });
  const c = market.account("C", 1_000_000n, "advanced", { autoTransfer: false });
  market.ask(s.account, DOLLAR, UNIT);
  market.run(market.order(b, { quantity: 5 }));
  // The rest of S's ask would be cheaper.
  market.run({ type: "cancel-orders", account: s.account, symbol: null });
  const priceTicks = (DOLLAR * 120) / 100;
  market.run(market.order(b, { side: "sell", quantity: 2, priceTicks, issueMissing: false }));
  market.run(market.order(c, { quantity: 2, priceTicks }));
  return { market, s, b, c };
}

test("the resale of 0.02 at 1.20 pays B, and escrow, tokens and bond of the part go on to C's Lot", () => {
  const { market, s, b, c } = marketAfterResale();
  const trade = market.events.filter(({ type }) => type === "trade").at(-1);
  expect(trade).toMatchObject({
    ...{ buyer: c, seller: b, lot: 2, valueMicros: 24_000n, buyerFeeMicros: 240n },
    postings: [
      { kind: "post", hold: "bid4", to: `${b}:avail`, amount: 24_000n },
      { kind: "post", hold: "bid4", to: "exch:fees", amount: 240n },
      { kind: "post", hold: "ask3:lot1", to: "lot2/text-lite:tokens", amount: 20_000n },
      { kind: "move", from: "lot1:escrow", to: "lot2:escrow", amount: 20_000n },
      { kind: "void", hold: "lot1:margin", amount: 16_000n },
      { kind: "hold", hold: "lot2:margin", from: `${s.account}:bond`, amount: 16_000n },
    ],
  });
  expect(market.balance(`${b}:avail`)).toBe(1_000_000n - 50_500n + 24_000n);
  expect(market.balance(`${c}:avail`)).toBe(1_000_000n - 24_240n);
  expect(market.balance("lot1:escrow")).toBe(30_000n);
  expect(market.balance("lot1/text-lite:tokens")).toBe(30_000n);
});

test("the sweep changes where the Lots are, and moves nothing", () => {
  const { market } = marketAfterResale();
  const before = JSON.stringify(market.state.ledger.snapshot());
  market.advance(48 * SLOT_MS);
  expect(JSON.stringify(market.state.ledger.snapshot())).toBe(before);
  expect([...market.state.lots.values()].map((lot) => lot.tradingSinceMs)).toEqual([null, null]);
});

/** After the sweep S2 asks 1.10, and C makes two requests. */
function marketWithCover() {
  const { market, s, c } = marketAfterResale();
  market.advance(48 * SLOT_MS);
  const s2 = market.supplier("S2");
  market.ask(s2.account, (DOLLAR * 110) / 100, UNIT);
  for (const used of [3_200, 1_000]) {
    market.settle(market.reserve(c, 200, 3_800).delivery, 200, used - 200);
  }
  return { market, s, s2, c };
}

/** The request of 4,000 tokens; returns what was posted for it, event by event. */
function serveWithCover({ market, c }: ReturnType<typeof marketWithCover>) {
  const { delivery } = market.reserve(c, 1_000, 3_000);
  const before = market.events.length;
  market.run({ type: "retry-delivery", delivery, attempt: 1, cause: "first-token-late" });
  market.settle(delivery, 1_000, 3_000, 2);
  const postings = market.events.slice(before).map((event) => {
    const { type, postings } = event as { type: string; postings?: readonly Posting[] };
    return [type, postings ?? []] as const;
  });
  return { delivery, postings: new Map(postings) };
}

test("a request of 4,000 tokens that S fails and S2 serves at 1.10 is posted as in the design", () => {
  const example = marketWithCover();
  const [s, s2] = [example.s.account, example.s2.account];
  const { delivery, postings } = serveWithCover(example);
  const [own, cover] = [`delivery${delivery}:lot2`, `delivery${delivery}:lot3`];
  // Cover is bought in whole increments...
  expect(postings.get("trade")).toContainEqual({
    ...{ kind: "post", hold: "bid6", to: "lot3:escrow", amount: 11_000n },
  });
  expect(postings.get("cover-settled")).toEqual([
    { kind: "post", hold: cover, to: `${s2}/text-lite:issuer`, amount: 4_000n },
    // ... and what is not used of it is undone.
    {
      ...{ kind: "move", from: "lot3/text-lite:tokens", to: `${s2}/text-lite:issued` },
      amount: 6_000n,
    },
    { kind: "move", from: "lot3:escrow", to: `${s2}:pending`, amount: 4_400n },
    { kind: "move", from: "lot3:escrow", to: "exch:cover", amount: 6_600n },
    { kind: "void", hold: "lot3:margin", amount: 8_800n },
  ]);
  expect(postings.get("delivery-settled")).toEqual([
    { kind: "post", hold: own, to: `${s}/text-lite:issuer`, amount: 4_000n },
    { kind: "move", from: "lot2:escrow", to: "exch:cover", amount: 4_000n },
    { kind: "void", hold: "lot2:margin", amount: 3_200n },
    // 400 at most, and a micro-dollar of rounding for each of two Lots.
    { kind: "void", hold: `charge${delivery}:${s}:pending`, amount: 402n },
  ]);
  expect(postings.get("supplier-charged")).toEqual([
    { kind: "move", from: `${s}:pending`, to: "exch:cover", amount: 400n },
  ]);
  expect(example.market.balance("exch:cover")).toBe(100_000n);
  expect(example.market.balance(`${s}:pending`)).toBe(3_800n);
});

test("then, at expiry with 11,800 left at 47/48, S gets 11,554 and C 246", () => {
  const example = marketWithCover();
  const { market, s, c } = example;
  serveWithCover(example);
  market.unlink(s.node);
  market.advance(20_000);
  market.link(s.node, 1000);
  const before = { s: market.balance(`${s.account}:pending`), c: market.balance(`${c}:avail`) };
  market.advance(48 * SLOT_MS);
  const expired = market.events.find((event) => event.type === "lot-expired" && event.lot === 2);
  expect(expired).toMatchObject({
    ...{ unusedTokens: 11_800, healthySlots: 47, slots: 48 },
    postings: [
      { kind: "move", from: "lot2:escrow", to: `${s.account}:pending`, amount: 11_554n },
      { kind: "move", from: "lot2:escrow", to: `${c}:avail`, amount: 246n },
      {
        ...{ kind: "move", from: "lot2/text-lite:tokens", to: `${s.account}/text-lite:issuer` },
        amount: 11_800n,
      },
      { kind: "void", hold: "lot2:margin", amount: 9_440n },
    ],
  });
  // And of the 30,000 tokens that B kept: floor(30,000 x 47 / 48) = 29,375.
  expect(market.balance(`${s.account}:pending`) - before.s).toBe(11_554n + 29_375n);
  expect(market.balance(`${c}:avail`) - before.c).toBe(246n);
  expect(market.balance("lot2:escrow")).toBe(0n);
});
