/** The whole core against the naive market: the same commands, the same answers, money and Lots. */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { policy, quietSla } from "#exchange/core/core.fixture.ts";
import { restoreCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { Model } from "#exchange/core/model/market.fixture.ts";
import { both, type Real, replayed, restarted, setUp } from "#exchange/core/model/pair.fixture.ts";
import { createTally, runParameters, TEST_MS_MAX } from "#exchange/core/model/run-tally.fixture.ts";
import { timeAfter, type Wish } from "#exchange/core/model/wish.fixture.ts";
import { WISHES } from "#exchange/core/model/wishes.fixture.ts";
import type { MarketPolicy } from "#exchange/core/policy.ts";

const RUNS = 1_500;
const COMMANDS_MAX = 150;
const parameters = runParameters(process.env, RUNS);

/**
 * Short absences and sharp charges, so that a run of minutes meets them. The naive market judges nobody:
 * what verdicts lead to has tests of its own.
 */
const sla: fc.Arbitrary<MarketPolicy["sla"]> = fc
  .record({
    coverPriceBpsMax: fc.constantFrom(2_000, 2_000, 2_000, 100, 0),
    coverChargeBpsMax: fc.constantFrom(5_000, 5_000, 100, 0),
    abandonment: fc.constantFrom(
      policy.sla.abandonment,
      [
        { awayMs: 60_000, chargeBps: 1_000 },
        { awayMs: 240_000, chargeBps: 2_500 },
      ],
      ...Array(3).fill([
        { awayMs: 90_000, chargeBps: 6_000 },
        { awayMs: 300_000, chargeBps: 10_000 },
      ]),
    ),
    closeOutMs: fc.constantFrom(3_600_000, 3_600_000, 300_000, 120_000),
  })
  .map((numbers) => ({ ...quietSla, ...numbers }));

/** Tight enough to be met by prices within three per cent of each other; or so wide that none is. */
const safety: fc.Arbitrary<MarketPolicy["safety"]> = fc.record({
  bandBps: fc.constantFrom(10_000, 10_000, 10_000, 120),
  bandThinBps: fc.constantFrom(10_000, 10_000, 10_000, 200),
  thinOwnersMin: fc.constantFrom(2, 3, 4),
  marketProtectionThinBps: fc.constantFrom(1_000, 60),
  breakers: fc.constantFrom(
    [],
    [],
    [{ withinMs: 90_000, moveBps: 110 }],
    [
      { withinMs: 60_000, moveBps: 90 },
      { withinMs: 900_000, moveBps: 160 },
    ],
  ),
  auctionMs: fc.constantFrom(1, 2_000, 60_000),
  openOrdersPerInstrumentMax: fc.constantFrom(2, 100, 100, 100),
  stopOrdersPerInstrumentMax: fc.constantFrom(2, 10_000, 10_000, 10_000),
});

/** Fees, margins, lifetimes and small limits, so that each of them is met. */
const policies: fc.Arbitrary<MarketPolicy> = fc.record({
  ...Object.fromEntries(Object.entries(policy).map(([name, value]) => [name, fc.constant(value)])),
  takerFeeBps: fc.constantFrom(100, 100, 0, 37),
  makerFeeBps: fc.constantFrom(0, 25, 150),
  sla,
  safety,
  bondMarginBps: fc.constantFrom(8_000, 10_000, 3_333, 500, 500, 500),
  supplierGraceMs: fc.constantFrom(25_000, 120_000, 120_000),
  lotLifetimeMs: fc.constantFrom(200_000, 900_000, 1_000_000, 3_600_000, 14_400_000),
  attemptsMax: fc.constantFrom(3, 3, 3, 2),
  draw: fc.constantFrom(undefined, { tokensPerMinute: 60_000, burstTokens: 12_000 }),
  openOrdersPerAccountMax: fc.constantFrom(3, 200),
  openDeliveriesPerAccountMax: fc.constantFrom(1, 100, 100, 100),
  clientIdsPerAccountMax: fc.constantFrom(1, 100),
  clientIdKeptMs: fc.constant(1_800_000),
  depositReferenceKeptMs: fc.constant(3_600_000),
  withdrawalKeptMs: fc.constantFrom(300_000, 3_600_000),
}) as fc.Arbitrary<MarketPolicy>;

const tally = createTally(process.env);
const text = (core: Core) => new TextDecoder().decode(core.snapshot());

class Try implements fc.Command<Model, Real> {
  readonly wish: Wish;
  constructor(wish: Wish) {
    this.wish = wish;
  }
  check = () => true;
  toString = () => `${this.wish.name} ${JSON.stringify([this.wish.wait, this.wish.shown], show)}`;
  run(model: Model, real: Real): void {
    const { name, wait } = this.wish;
    const command = this.wish.command(model, real.core.state.nowMs);
    if (command === null) return;
    const nowMs = timeAfter(model, wait);
    if (name === "restart" || name === "takeover") real.core = restarted(real);
    const done = both(model, real, command, nowMs);
    tally.add(done.ok ? `${name}: accepted` : `${name}: ${done.rejection.code}`);
  }
}
const show = (_key: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value);

/** What a default run must have met, or its generator is blind: per kind of wish, answers... */
const AIMED: Record<string, string[]> = {
  deposit: ["accepted", "account-not-found", "invalid-amount", "reference-reused"],
  "deposit again": ["accepted"],
  ask: [
    ...["accepted", "account-not-found", "instrument-not-found", "invalid-quantity"],
    ...["invalid-price", "invalid-order", "insufficient-units", "insufficient-bond"],
    ...["insufficient-balance", "capacity-exceeded", "node-not-connected"],
    ...["client-order-id-reused", "client-ids-exhausted", "too-many-open-orders"],
  ],
  bid: [
    ...["accepted", "account-not-found", "instrument-not-found", "invalid-quantity"],
    ...["invalid-price", "invalid-order", "insufficient-balance"],
    ...["auto-mode-trading-restricted", "too-many-open-orders"],
  ],
  market: ["accepted", "insufficient-balance", "insufficient-units", "invalid-order"],
  special: [
    "quote-group-tripped",
    ...["accepted", "invalid-order", "invalid-price", "invalid-quantity", "insufficient-units"],
    ...["insufficient-balance", "auto-mode-trading-restricted"],
  ],
  stop: [
    ...["accepted", "invalid-order", "invalid-price", "insufficient-balance"],
    ...["insufficient-units", "insufficient-bond", "too-many-open-orders"],
  ],
  amend: [
    ...["accepted", "order-not-found", "invalid-quantity", "invalid-price", "invalid-order"],
    ...["insufficient-balance", "insufficient-bond", "insufficient-units", "capacity-exceeded"],
    "node-not-connected",
  ],
  quotes: [
    ...["accepted", "invalid-order", "invalid-quantity", "invalid-price", "insufficient-bond"],
    ...["capacity-exceeded", "too-many-open-orders", "auto-mode-trading-restricted"],
    ...["node-not-connected", "quote-group-tripped"],
  ],
  batch: ["accepted", "invalid-order"],
  "set group": ["accepted", "account-not-found"],
  phase: ["accepted", "instrument-not-found"],
  switch: ["accepted", "account-not-found", "invalid-order"],
  "end session": ["accepted", "account-not-found"],
  again: ["accepted", "client-order-id-reused"],
  cancel: ["accepted", "order-not-found"],
  "cancel all": ["accepted", "account-not-found"],
  fund: ["accepted", "invalid-amount", "reference-reused"],
  redeem: ["accepted"],
  issue: ["accepted", "capacity-exceeded", "invalid-quantity"],
  transfer: ["accepted", "insufficient-units", "invalid-quantity"],
  set: [
    ...["accepted", "account-not-found", "mode-managed-setting", "invalid-quantity"],
    ...["invalid-amount", "invalid-price", "instrument-not-found"],
  ],
  halt: ["accepted", "instrument-not-found"],
  withdraw: [
    ...["accepted", "account-not-found", "insufficient-balance", "invalid-amount"],
    "reference-reused",
  ],
  "decide on": ["accepted", "withdrawal-not-found"],
  "set back": ["accepted"],
  resell: ["accepted", "insufficient-units", "too-many-open-orders"],
  "buy back": ["accepted", "insufficient-balance"],
  "move units": ["accepted", "insufficient-units", "invalid-quantity"],
  reserve: [
    ...["accepted", "account-not-found", "instrument-not-found", "invalid-quantity"],
    ...["no-supplier", "no-units", "payment-required", "too-many-deliveries", "key-not-found"],
    ...["price-above-ceiling", "spend-cap-reached", "delivery-halted", "draw-rate-exceeded"],
  ],
  draw: ["accepted", "no-units", "no-supplier"],
  "sell much": ["accepted", "insufficient-bond"],
  "buy much": ["accepted"],
  retry: [
    ...["accepted", "delivery-not-found", "delivery-closed", "no-supplier", "payment-required"],
    ...["poison-request", "key-not-found"],
  ],
  "turn key": ["accepted"],
  settle: ["accepted", "delivery-not-found", "delivery-closed", "invalid-quantity"],
  release: ["accepted", "delivery-not-found"],
  connect: ["accepted", "node-not-found", "instrument-not-found"],
  disconnect: ["accepted"],
  relink: ["accepted"],
  "adopt policy": ["accepted"],
  tick: ["accepted"],
  restart: ["accepted"],
  takeover: ["accepted"],
  // ... and states of the market.
  state: [
    ...["Lot used up", "Lot tolled", "Lot ended by a retry", "Lots owed beyond capacity stand"],
    ...["Lot expired, paid for all slots", "Lot expired, paid for some slots"],
    ...["Lot expired, paid for none", "Lot expired, paid for no slot"],
    ...["automatic purchase", "purchase over several asks", "purchase passed smaller asks over"],
    ...["reservation over several Lots", "reservation timed out", "billed at most reserved"],
    ...["output reduced to what can be carried", "order met its own owner's"],
    ...["ask suspended", "ask came back", "ask cut to capacity", "ask ended with its grace"],
    ...["ask came back to bids and could not pay its fee", "deposit sent again"],
    ...["sell order could not pay its whole fee", "bid pays the fee of its day"],
    ...["client order id sent again, same content", "client order id sent again, other content"],
    ...["client order id forgotten", "deposit reference forgotten"],
    "a session that is over ended again",
    ...["open order expired", "waiting order expired"],
    ...["buy stop triggered", "sell stop triggered", "order ended its own owner's"],
    "stop triggered while its supplier was away",
    ...["quote group tripped", "rest of a quote group cancelled", "switch went off"],
    ...["market closed", "traded in an auction", "several auction prices"],
    ...["owner met itself in an auction", "breaker led into an auction"],
    ...["market order in a thin book", "order beyond the price band"],
    ...["quote shrunk in its place", "quotes kept beside new ones"],
    ...["open order amended, place kept", "open order amended, place lost"],
    ...["waiting order amended, place kept", "waiting order amended, place lost"],
    ...["suspended order amended, place kept", "suspended order amended, place lost"],
    ...["cover bought", "second cover bought", "cover undone", "cover undone in part"],
    ...["cover charged", "cover cheaper than the Lot", "cover too dear", "no money for cover"],
    ...["nobody would pay for cover", "other Lots after cover"],
    ...["cover of a supplier in its grace undone", "purchase after a failure"],
    ...["price difference paid", "price difference paid under cover", "charge capped"],
    "price difference not paid in full",
    ...["charge took the bond behind its Lot", "abandonment charged"],
    ...["abandonment charged a second time", "announced absence not charged"],
    ...["into easy mode", "into advanced mode", "topped up", "no money for a top-up"],
    ...["withdrawal expired", "withdrawal asked for again"],
    ...["Lots entered with the setting", "Lot tolled by a halt"],
    ...["swept", "swept after an outage", "Lot split", "Lot split that was used"],
    "Lot entered Consumption again",
    ...["sold on at a loss", "sold on at its price or more", "Lot bought back by its supplier"],
    ...["ask swept", "refund at the holder's cost"],
    ...["Lot not fit to be sold on", "ask on Lots of several suppliers"],
    ...["ask suspended for who owes its Lots", "purchase of bought Units"],
    ...["Lot closed out", "close-out delayed by a delivery", "default"],
    ...["ask withdrawn in default", "debt paid by new bond", "debt paid by new bond in part"],
  ],
};

describe(`the core equals the naive market (SEED=${parameters.seed})`, () => {
  afterAll(() => tally.print("lots model", tally.total() - tally.total("state: ")));

  test(
    "after every command; and its events, replayed, give the same bytes",
    () => {
      const commands = fc.commands(
        WISHES.map((wish) => wish.map((drawn) => new Try(drawn))),
        { maxCommands: COMMANDS_MAX, size: "max" },
      );
      fc.assert(
        fc.property(policies, commands, (adopted, list) => {
          const { model, real } = setUp(adopted, tally);
          fc.modelRun(() => ({ model, real }), list);
          expect(text(replayed(real.events))).toBe(text(real.core));
          expect(text(restoreCore(real.core.snapshot()))).toBe(text(real.core));
        }),
        parameters,
      );
      if (parameters.numRuns < RUNS) return;
      const aimed = Object.entries(AIMED).flatMap(([kind, answers]) =>
        answers.map((answer) => `${kind}: ${answer}`),
      );
      expect(tally.never(aimed)).toEqual([]);
    },
    TEST_MS_MAX,
  );
});
