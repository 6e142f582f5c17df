/**
 * A naive market for tests: plain lists, searched from end to end, written from the rules and not
 * from the core. This file holds what it keeps and what follows from that, the others hold the rules.
 * Slow on purpose: nothing is kept twice.
 */
import type { AccountMode } from "#exchange/core/commands.ts";
import type { Tally } from "#exchange/core/model/run-tally.fixture.ts";
import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import type { Instrument } from "#protocol/instrument.ts";
import { divideCeil } from "#protocol/money.ts";
import {
  EXCHANGE,
  type Model,
  type ModelAccount,
  type ModelDelivery,
  type ModelLot,
  type ModelMarket,
  type ModelOrder,
  type ModelPart,
  type ModelSupply,
} from "./rows.fixture.ts";

export * from "./rows.fixture.ts";

/** What the rules say: the answer, or every refusal that is right (several may apply at once). */
export type Outcome = { ok: true; result: unknown } | { ok: false; codes: RejectionCode[] };
export const accepted = (result: unknown = {}): Outcome => ({ ok: true, result });
export const refused = (...codes: RejectionCode[]): Outcome => ({ ok: false, codes });

export const createAccount = (number: number, mode: AccountMode, atOnce = true): ModelAccount => ({
  ...{ autoBuy: mode === "easy", topUp: { tokens: 1_000_000, trigger: 0 }, ceilings: new Map() },
  ...{ caps: { day: null, month: null }, autoSpent: [] },
  ...{ number, mode, atOnce, available: 0n, bond: 0n, pending: 0n, debt: 0n },
});

export function createModel(
  policy: MarketPolicy,
  instruments: readonly Instrument[],
  nowMs: number,
  tally: Tally,
): Model {
  return {
    nowMs,
    policy,
    instruments,
    accounts: [],
    exchange: createAccount(EXCHANGE, "advanced"),
    guaranty: 0n,
    orders: [],
    markets: instruments.map(({ symbol }, at) => ({
      ...{ symbol, number: at + 1, phase: "active", endsMs: null, closesMs: null, pricesFrom: 0 },
    })),
    lastTicks: new Map(),
    groups: [],
    switches: new Map(),
    triggered: [],
    lots: [],
    deliveries: [],
    nodes: [],
    supplies: [],
    away: [],
    idle: [],
    lastFailed: new Map(),
    unwell: new Set(),
    defaults: [],
    fills: [],
    graces: [],
    outages: [],
    halts: [],
    references: new Map(),
    keys: new Map(),
    withdrawals: [],
    clientIds: [],
    deposited: 0n,
    fees: 0n,
    counts: { order: 0, lot: 0, delivery: 0, issuance: 0, transfer: 0, withdrawal: 0 },
    arrivals: 0,
    tally,
  };
}

/** The one that fits, which must be there. */
export function the<T>(list: readonly T[], fits: (each: T) => boolean): T {
  const found = list.find(fits);
  if (found === undefined) throw new Error("the model looks for something that it never made");
  return found;
}

export const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((a, b) => a + b, 0n);
export const count = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
export const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

export const accountOf = (model: Model, number: number) =>
  the([model.exchange, ...model.accounts], (account) => account.number === number);
export const instrumentOf = (model: Model, symbol: string) =>
  the(model.instruments, (instrument) => instrument.symbol === symbol);

export const phaseOf = (model: Model, symbol: string): ModelMarket["phase"] =>
  the(model.markets, (market) => market.symbol === symbol).phase;

/** Money of a quantity at a price: a tick is so many micro-dollars a Unit, of 1,000,000 tokens. */
export function worth(model: Model, symbol: string, ticks: number, quantity: number): bigint {
  const { tickMicrosPerUnit, incrementTokens } = instrumentOf(model, symbol);
  return (BigInt(ticks * quantity) * BigInt(tickMicrosPerUnit * incrementTokens)) / 1_000_000n;
}
export const tokensOf = (model: Model, symbol: string, quantity: number): number =>
  quantity * instrumentOf(model, symbol).incrementTokens;

export const shareUp = (amount: bigint, bps: number): bigint =>
  divideCeil(amount * BigInt(bps), 10_000n);
export const marginOf = (model: Model, value: bigint): bigint =>
  shareUp(value, model.policy.bondMarginBps);
export const withFee = (model: Model, value: bigint): bigint =>
  value + shareUp(value, Math.max(model.policy.takerFeeBps, model.policy.makerFeeBps));

export const left = (order: ModelOrder): number => order.quantity - order.filled;

export const heldToLeave = (model: Model, account: number, from: "available" | "bond"): bigint =>
  sum(
    model.withdrawals
      .filter((each) => each.account === account && each.from === from)
      .map((each) => each.amount),
  );
export const heldForBids = (model: Model, account: number): bigint =>
  sum([
    ...model.orders.filter((o) => o.account === account && o.side === "buy").map((o) => o.hold),
    heldToLeave(model, account, "available"),
  ]);
export const freeMoney = (model: Model, account: number): bigint =>
  accountOf(model, account).available - heldForBids(model, account);

const heldForCharges = (model: Model, account: number) =>
  model.deliveries.flatMap(({ failures }) =>
    failures.filter(({ supplier }) => supplier === account).map(({ held }) => held),
  );
export const heldBond = (model: Model, account: number): bigint =>
  sum([
    ...model.orders.filter((o) => o.account === account && o.side === "sell").map((o) => o.hold),
    ...model.lots.filter((lot) => lot.supplier === account).map((lot) => lot.margin),
    ...heldForCharges(model, account).map((held) => held.bond),
    heldToLeave(model, account, "bond"),
  ]);
export const heldPay = (model: Model, account: number): bigint =>
  sum(heldForCharges(model, account).map((held) => held.pending));
export const freeBond = (model: Model, account: number): bigint =>
  accountOf(model, account).bond - heldBond(model, account);

export const reservedOn = (model: Model, lot: number): number =>
  count(
    model.deliveries
      .flatMap(({ parts, owed }) => [...parts, ...(owed?.parts ?? [])])
      .filter((part) => part.lot === lot)
      .map((part) => part.tokens),
  );
/** What asks that sell bought Units hold of a Lot. */
export const offeredOf = (model: Model, lot: ModelLot): number => {
  const offered = model.orders.flatMap((o) => o.lots.filter((each) => each.lot === lot.number));
  return tokensOf(model, lot.symbol, count(offered.map((each) => each.quantity)));
};
/** The Lots that pay for a delivery: the buyer's. */
export const payingParts = ({ parts, owed }: Pick<ModelDelivery, "parts" | "owed">): ModelPart[] =>
  owed?.parts ?? parts;
export const freeTokens = (model: Model, lot: ModelLot): number =>
  lot.tokens - lot.used - reservedOn(model, lot.number) - offeredOf(model, lot);

/** Never yet: a Lot that has not entered Consumption. */
export const NEVER_MS = Number.POSITIVE_INFINITY;

const EMPTY_SUPPLY = { unsold: 0, inIssuance: 0, issuedEver: 0, deliveredEver: 0 };
export function supplyOf(model: Model, account: number, symbol: string): ModelSupply {
  let supply = model.supplies.find((s) => s.account === account && s.symbol === symbol);
  if (supply === undefined) {
    supply = { account, symbol, ...EMPTY_SUPPLY };
    model.supplies.push(supply);
  }
  return supply;
}
/** Asks of Units that the account issued. */
export const asksOf = (model: Model, account: number, symbol: string): ModelOrder[] =>
  model.orders.filter(
    (o) => o.side === "sell" && o.lots.length === 0 && o.account === account && o.symbol === symbol,
  );
/** Who would serve what an ask sells: its owner, or who owes the Lots. */
export const serversOf = (model: Model, ask: ModelOrder): number[] =>
  ask.lots.length === 0
    ? [ask.account]
    : ask.lots.map(({ lot }) => the(model.lots, (each) => each.number === lot).supplier);
export const asksServedBy = (model: Model, supplier: number): ModelOrder[] =>
  model.orders
    .filter((o) => o.side === "sell" && serversOf(model, o).includes(supplier))
    .sort((a, b) => a.number - b.number);
/** Lots of who cannot be sent to, or cannot pay, are not sold on. */
export const isInGoodStanding = (model: Model, supplier: number, symbol: string): boolean =>
  canServe(model, supplier, symbol) && accountOf(model, supplier).debt === 0n;
export const onOffer = (model: Model, account: number, symbol: string): number =>
  tokensOf(model, symbol, count(asksOf(model, account, symbol).map(left)));
export const owedBy = (model: Model, account: number, symbol: string): number =>
  count(
    model.lots
      .filter((lot) => lot.supplier === account && lot.symbol === symbol)
      .map((lot) => lot.tokens - lot.used),
  );

const linkedNodes = (model: Model, account: number) =>
  model.nodes.filter((node) => node.account === account && node.session !== null);
export const isLinked = (model: Model, account: number): boolean =>
  linkedNodes(model, account).length > 0;
const linkedSupplies = (model: Model, account: number, symbol: string) =>
  linkedNodes(model, account)
    .flatMap((node) => node.supplies)
    .filter((supply) => supply.symbol === symbol);
export const canServe = (model: Model, account: number, symbol: string): boolean =>
  linkedSupplies(model, account, symbol).length > 0;
/** Tokens that unsold Units and open Lots may reach together: theta x capacity, rounded down. */
export function issuanceLimit(model: Model, account: number, symbol: string): number {
  const capacity = count(linkedSupplies(model, account, symbol).map((s) => s.capacityTokens));
  return Math.floor((capacity * model.policy.issuanceThetaBps) / 10_000);
}
