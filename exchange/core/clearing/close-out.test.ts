import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, UNIT } from "#exchange/core/core.fixture.ts";

const MINUTE_MS = 60_000;

/** C holds 0.5 Units of S at 1.00: 500,000 micro-dollars in escrow, four hours to go. */
function marketWithLot(bondMicros = 100_000_000n) {
  const market = createTestMarket();
  const s = market.supplier("S", { bondMicros });
  const c = market.account("C", 1_000_000n, "advanced");
  market.ask(s.account, DOLLAR, UNIT / 2);
  market.run(market.order(c, { quantity: UNIT / 2, priceTicks: DOLLAR }));
  return { market, s, c };
}

const charges = (market: ReturnType<typeof createTestMarket>) =>
  market.events.flatMap((event) => (event.type === "supplier-charged" ? [event.amountMicros] : []));

test("a supplier away for 15 minutes pays a tenth of what is left, for the share of time left", () => {
  const { market, s, c } = marketWithLot();
  market.unlink(s.node);
  market.advance(15 * MINUTE_MS - 1);
  expect(charges(market)).toEqual([]);
  const available = market.balance(`${c}:avail`);
  market.advance(1);
  // 500,000 x 10 % x 225 of 240 minutes
  expect(charges(market)).toEqual([46_875n]);
  expect(market.balance(`${c}:avail`) - available).toBe(46_875n);
  market.advance(30 * MINUTE_MS);
  expect(charges(market)).toHaveLength(1);
});

test("after 60 minutes its Lots are closed out: escrow back, the rest of a quarter charged", () => {
  const { market, s, c } = marketWithLot();
  market.unlink(s.node);
  for (let quarter = 0; quarter < 4; quarter += 1) market.advance(15 * MINUTE_MS);
  // Another 15 % of 500,000 for 180 of 240 minutes.
  expect(charges(market)).toEqual([46_875n, 56_250n]);
  expect(market.state.lots.size).toBe(0);
  expect(market.balance(`${c}:avail`)).toBe(1_000_000n - 5_000n + 46_875n + 56_250n);
  expect(market.balance(`${s.account}/text-lite:issuer`)).toBe(0n);
  expect(market.state.ledger.held(`${s.account}:bond`)).toBe(0n);
});

test("one that comes back in time keeps its Lots, and a later absence counts anew", () => {
  const { market, s } = marketWithLot();
  for (const expected of [1, 2]) {
    market.unlink(s.node);
    market.advance(20 * MINUTE_MS);
    market.link(s.node, 1000);
    expect(charges(market)).toHaveLength(expected);
  }
  market.advance(60 * MINUTE_MS);
  expect(market.state.lots.size).toBe(1);
});

const drain = ({ market, s }: ReturnType<typeof marketWithLot>) =>
  market.run({
    ...{ type: "disconnect-node", node: s.node, session: `session-${s.node}`, reason: "drain" },
  });

test("an announced absence is not charged while it is short of a close-out", () => {
  const example = marketWithLot();
  drain(example);
  example.market.advance(59 * MINUTE_MS);
  expect(charges(example.market)).toEqual([]);
  expect(example.market.state.lots.size).toBe(1);
});

test("an announcement is no way out of a Lot: closing it out costs what abandoning it does", () => {
  const example = marketWithLot();
  const { market, c } = example;
  drain(example);
  market.advance(60 * MINUTE_MS);
  expect(charges(market)).toEqual([93_750n]);
  expect(market.state.lots.size).toBe(0);
  expect(market.balance(`${c}:avail`)).toBe(995_000n + 93_750n);
});

test("announced absences of a week beyond the allowance cost what any other does", () => {
  const example = marketWithLot();
  const { market, s } = example;
  for (const [minutes, charged] of [
    [40, 0],
    [14, 0],
    [16, 1],
  ] as const) {
    drain(example);
    market.advance(minutes * MINUTE_MS);
    market.link(s.node, 1000);
    expect(charges(market)).toHaveLength(charged);
  }
});

test("time in which the exchange itself was out is no absence", () => {
  const { market, s } = marketWithLot();
  market.unlink(s.node);
  market.advance(5 * MINUTE_MS);
  const lastSeenMs = market.nowMs();
  market.skip(120 * MINUTE_MS);
  market.run({ type: "resume", lastSeenMs });
  market.advance(9 * MINUTE_MS);
  expect(charges(market)).toEqual([]);
  market.advance(MINUTE_MS);
  expect(charges(market)).toHaveLength(1);
  expect(market.state.lots.size).toBe(1);
  market.advance(45 * MINUTE_MS);
  expect(market.state.lots.size).toBe(0);
});

test("a Lot that is being drawn on is closed out when its delivery ends", () => {
  const { market, s, c } = marketWithLot();
  const { delivery } = market.reserve(c, 100, 400);
  market.unlink(s.node);
  for (let minute = 0; minute < 9; minute += 1) market.advance(MINUTE_MS);
  market.run({ type: "adopt-policy", policy: shorterCloseOut(market) });
  market.settle(delivery, 100, 300);
  expect(market.state.lots.size).toBe(0);
  expect(market.balance(`${s.account}:pending`)).toBe(400n);
  expect(market.balance(`${c}:avail`)).toBe(994_600n);
});

function shorterCloseOut(market: ReturnType<typeof createTestMarket>) {
  const { policy } = market.state;
  if (policy === null) throw new Error("the market has a policy");
  return { ...policy, sla: { ...policy.sla, closeOutMs: 5 * MINUTE_MS } };
}

test("its bond behind the Lot pays when nothing else does", () => {
  const { market, s, c } = marketWithLot(400_000n);
  market.unlink(s.node);
  market.advance(15 * MINUTE_MS);
  expect(market.balance(`${s.account}:bond`)).toBe(400_000n - 46_875n);
  expect(market.state.ledger.holdAmount("lot1:margin")).toBe(400_000n - 46_875n);
  expect(market.balance(`${s.account}:owed`)).toBe(0n);
  expect(market.balance(`${c}:avail`)).toBe(995_000n - 500_000n + 46_875n);
});

test("a supplier that cannot pay is in default: asks gone, Lots closed out, debt first of new bond", () => {
  const market = createTestMarket({ bondMarginBps: 0 });
  const s = market.supplier("S", { bondMicros: 50_000n });
  const c = market.account("C", 2_000_000n, "advanced");
  market.ask(s.account, DOLLAR, UNIT);
  market.run(market.order(c, { quantity: UNIT, priceTicks: DOLLAR }));
  const other = market.supplier("other");
  market.unlink(s.node);
  market.advance(15 * MINUTE_MS);
  // 93,750 due, 50,000 there.
  expect(market.balance(`${s.account}:owed`)).toBe(-43_750n);
  market.link(s.node, 1000);
  market.advance(1);
  expect(market.state.lots.size).toBe(0);
  expect(market.balance(`${c}:avail`)).toBe(2_000_000n - 10_000n + 50_000n);
  market.deposit(s.account, 60_000n, "bond");
  expect(market.balance(`${s.account}:owed`)).toBe(0n);
  expect(market.balance(`${s.account}:bond`)).toBe(16_250n);
  expect(market.balance("exch:guaranty")).toBe(43_750n);
  expect(market.balance("exch:receivables")).toBe(0n);
  expect(market.balance(`${other.account}:bond`)).toBe(100_000_000n);
});

test("who is in default sells nothing until it has paid", () => {
  const market = createTestMarket({ bondMarginBps: 0 });
  const s = market.supplier("S", { bondMicros: 50_000n });
  const c = market.account("C", 2_000_000n, "advanced");
  market.ask(s.account, DOLLAR, UNIT);
  market.run(market.order(c, { quantity: UNIT, priceTicks: DOLLAR }));
  market.unlink(s.node);
  market.advance(15 * MINUTE_MS);
  market.link(s.node, 1000);
  const ask = () => market.tryTo(market.order(s.account, { side: "sell", quantity: 1 }));
  expect(ask()).toMatchObject({ ok: false, rejection: { code: "insufficient-bond" } });
  market.deposit(s.account, 43_749n, "bond");
  expect(ask()).toMatchObject({ ok: false, rejection: { details: { owed: "0.000001" } } });
  market.deposit(s.account, 1n, "bond");
  expect(ask()).toMatchObject({ ok: true });
});

test("a supplier that drained once is charged when it does not come back after a restart", () => {
  const { market, s } = marketWithLot();
  const session = `session-${s.node}`;
  market.run({ type: "disconnect-node", node: s.node, session, reason: "drain" });
  market.link(s.node, 1000);
  market.run({ type: "resume", lastSeenMs: market.nowMs() });
  market.advance(15 * MINUTE_MS);
  expect(charges(market)).toEqual([46_875n]);
});

test("what falls due late is done in the order in which it fell due", () => {
  const { market, s } = marketWithLot();
  market.run({ type: "adopt-policy", policy: shorterCloseOut(market) });
  market.unlink(s.node);
  market.advance(20 * MINUTE_MS);
  // Closed out after 5 minutes: nothing was left to charge for after 15.
  expect(charges(market)).toEqual([]);
  expect(market.state.lots.size).toBe(0);
});

test("a tolled Lot is closed out when that falls due before its new expiry and after its old", () => {
  const { market, s } = marketWithLot();
  const lastSeenMs = market.nowMs();
  market.skip(120 * MINUTE_MS);
  market.run({ type: "resume", lastSeenMs });
  market.link(s.node, 1000);
  market.advance(90 * MINUTE_MS);
  market.unlink(s.node);
  market.advance(180 * MINUTE_MS);
  const ends = market.events.filter(({ type }) => /^lot-/.test(type)).map(({ type }) => type);
  expect(ends).toEqual(["lot-closed-out"]);
});

test.each([1, 2])(
  "who cannot pay the first charge has no Lots left for the second (%i links lost)",
  (lost) => {
    const market = createTestMarket({ bondMarginBps: 0 });
    const s = market.supplier("S", { bondMicros: 50_000n });
    const c = market.account("C", 2_000_000n, "advanced");
    market.ask(s.account, DOLLAR, UNIT);
    market.run(market.order(c, { quantity: UNIT, priceTicks: DOLLAR }));
    for (let time = 0; time < lost; time += 1) {
      market.link(s.node, 1000);
      market.unlink(s.node);
    }
    // Both fell due when nobody looked: a tenth, and a quarter, of 1,000,000 for 180 of 240 minutes.
    market.advance(60 * MINUTE_MS);
    expect(charges(market)).toEqual([75_000n]);
    expect(market.state.lots.size).toBe(0);
  },
);

test("a restored market charges and closes at the same times", () => {
  const { market, s } = marketWithLot();
  market.unlink(s.node);
  market.advance(20 * MINUTE_MS);
  const copy = market.restored();
  for (const each of [market, copy]) each.advance(40 * MINUTE_MS);
  expect(copy.core.snapshot()).toEqual(market.core.snapshot());
});

test("an outage is no part of an absence, also after the next outage and of a Lot that waits in Trading", () => {
  const market = createTestMarket();
  const s = market.supplier("S");
  market.ask(s.account, DOLLAR, UNIT);
  const waits = { name: "T", mode: "advanced", autoTransfer: false } as const;
  const { account: trader } = market.run({ type: "open-account", ...waits });
  market.deposit(trader, 9_000_000n);
  market.run(market.order(trader, {}));
  market.unlink(s.node);
  const goOut = (outageMs: number) => {
    const lastSeenMs = market.nowMs();
    market.skip(outageMs);
    market.run({ type: "resume", lastSeenMs });
  };
  goOut(16 * MINUTE_MS);
  market.advance(1_000);
  goOut(MINUTE_MS);
  const restored = market.restored();
  restored.advance(1_000);
  expect(charges(restored)).toEqual([]);
  restored.advance(15 * MINUTE_MS);
  expect(charges(restored)).toHaveLength(1);
});
