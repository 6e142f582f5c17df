/**
 * The naive market and the core shown in one shape, to be compared as text: the whole ledger, Lots,
 * deliveries, open orders, the book's depth, supply, links. Money is written as strings.
 */
import { COVER, FEES, GUARANTY, RECEIVABLES, WORLD } from "#exchange/core/ledger/account-names.ts";
import { BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import type { CoreState } from "#exchange/core/state.ts";
import * as m from "./market.fixture.ts";
import { line } from "./trading.fixture.ts";

type Row = (string | number | bigint | boolean | null)[];
export type View = Record<string, string[]>;

/** Rows as sorted text: no order of lists or Maps matters here. */
const text = (rows: Row[]): string[] => rows.map((row) => row.join(" ")).sort();

/** Every ledger account with something on it: balance and what is held of it. */
function modelLedger(model: m.Model): Row[] {
  const rows: Row[] = [
    [WORLD, -model.deposited, 0n],
    [FEES, model.fees, 0n],
    [COVER, model.exchange.available, m.heldForBids(model, m.EXCHANGE)],
    [GUARANTY, model.guaranty, 0n],
    [RECEIVABLES, m.sum(model.accounts.map(({ debt }) => debt)), 0n],
  ];
  for (const { number, available, bond, pending, debt } of model.accounts) {
    rows.push([`${number}:avail`, available, m.heldForBids(model, number)]);
    rows.push([`${number}:bond`, bond, m.heldBond(model, number)]);
    rows.push([`${number}:pending`, pending, m.heldPay(model, number)]);
    rows.push([`${number}:owed`, -debt, 0n]);
  }
  for (const { account, symbol, unsold } of model.supplies) {
    const owed = m.owedBy(model, account, symbol);
    rows.push([`${account}/${symbol}:issued`, unsold, m.onOffer(model, account, symbol)]);
    rows.push([`${account}/${symbol}:issuer`, -(unsold + owed), 0n]);
  }
  for (const lot of model.lots) {
    const reserved = m.reservedOn(model, lot.number) + m.offeredOf(model, lot);
    rows.push([`lot${lot.number}:escrow`, lot.value - lot.paid, 0n]);
    rows.push([`lot${lot.number}/${lot.symbol}:tokens`, lot.tokens - lot.used, reserved]);
  }
  return rows.filter(([, balance, held]) => `${balance}${held}` !== "00");
}

const coreLedger = (state: CoreState): Row[] =>
  [...state.ledger.accounts()]
    .map(({ name, credits, debits, held }): Row => [name, credits - debits, held])
    .filter(([, balance, held]) => `${balance}${held}` !== "00");

function modelDepth(model: m.Model): Row[] {
  const rows: Row[] = [];
  for (const { symbol } of model.instruments) {
    for (const side of ["buy", "sell"] as const) {
      for (const ticks of new Set(line(model, symbol, side).map((o) => o.ticks))) {
        const level = line(model, symbol, side).filter((o) => o.ticks === ticks);
        rows.push([symbol, side, ticks, m.count(level.map(m.left)), level.length]);
      }
    }
  }
  return rows;
}

const coreDepth = (state: CoreState): Row[] =>
  [...state.instruments].flatMap(([symbol, { book }]) =>
    (["buy", "sell"] as const).flatMap((side) =>
      book
        .depth(side === "buy" ? BUY : SELL, 1_000)
        .map((level): Row => [symbol, side, level.priceTicks, level.quantity, level.orders]),
    ),
  );

const partsText = (parts: { lot: number; tokens: number }[]): string =>
  parts.map(({ lot, tokens }) => `${tokens} of ${lot}`).join(", ");

export function modelView(model: m.Model): View {
  return {
    ledger: text(modelLedger(model)),
    orders: text(
      model.orders.map((o) => [
        ...[o.number, o.account, o.side, o.ticks, o.filled, o.quantity, o.stage, o.feePaid],
        ...[o.mode, o.expiresMs, o.stopTicks, o.reduceOnly, o.session, o.group, o.tif],
        ...[
          o.hold,
          o.side === "sell" && o.lots.length === 0 ? m.tokensOf(model, o.symbol, m.left(o)) : 0,
        ],
        o.lots.map(({ lot, quantity }) => `${quantity} of ${lot}`).join(),
      ]),
    ),
    depth: text(modelDepth(model)),
    lots: text(
      model.lots.map((lot) => [
        ...[lot.number, lot.owner, lot.supplier, lot.ticks, lot.tokens, lot.used, lot.value],
        ...[lot.paid, lot.margin, lot.enteredMs, lot.abandoned.bps, lot.tradingMs, lot.cost],
        lot.enteredMs === null ? null : lot.expiresMs,
      ]),
    ),
    deliveries: text(
      model.deliveries.map((d) => [
        ...[d.number, d.attempt, d.account, d.supplier, d.timeoutMs, d.owed?.supplier ?? null],
        ...[partsText(d.parts), "for", partsText(d.owed?.parts ?? [])],
        d.failures.map((f) => f.supplier).join(),
        ...d.failures.flatMap((f) => [f.supplier, f.cause, f.worth, f.chargeMax, 0n]),
      ]),
    ),
    supplies: text(
      model.supplies
        .filter((s) => s.issuedEver > 0)
        .map((s) => [
          ...[s.account, s.symbol, s.inIssuance, s.issuedEver, s.deliveredEver],
          m.owedBy(model, s.account, s.symbol),
        ]),
    ),
    nodes: text(model.nodes.map((node) => [node.number, node.session])),
    away: text(model.away.filter((a) => a.toMs === null).map((a) => [a.account, a.fromMs])),
    groups: text(
      model.groups.map((g) => [g.account, g.symbol, g.name, g.quantityMax, g.windowMs, g.tripped]),
    ),
    switches: text([...model.switches]),
    markets: text(model.markets.map((market) => [market.symbol, market.phase, market.endsMs])),
    graces: text(model.graces.map((grace) => [grace.account, grace.endsMs])),
    accounts: text(
      model.accounts.map(({ number, mode, atOnce, autoBuy, topUp, ceilings }) => [
        ...[number, mode, atOnce, autoBuy, topUp.tokens, topUp.trigger],
        [...ceilings].sort().join(),
      ]),
    ),
    clientIds: text(model.clientIds.map((id) => [id.order.account, id.order.clientOrderId])),
    references: text([...model.references].map(([reference, { atMs }]) => [reference, atMs])),
  };
}

function termsOf(state: CoreState, order: number) {
  const terms = state.terms.get(order);
  if (terms === undefined) return ["cancel-newest", null, null, false, null, null];
  const { selfTrade, expiresAtMs, stopTicks, reduceOnly, session, group } = terms;
  return [selfTrade, expiresAtMs, stopTicks, reduceOnly, session, group];
}

export function coreView(state: CoreState): View {
  const { ledger } = state;
  const attendance = [...state.attendance];
  return {
    ledger: text(coreLedger(state)),
    orders: text(
      [...state.orders.values()].map((o) => [
        ...[o.number, o.account, o.side, o.priceTicks, o.filled, o.quantity],
        ...[o.status, o.feeMicros, ...termsOf(state, o.number), o.timeInForce],
        ...(o.side === "buy"
          ? [ledger.holdAmount(`bid${o.number}`), 0]
          : [ledger.holdAmount(`ask${o.number}:margin`), ledger.holdAmount(`ask${o.number}`)]),
        o.lots.map(({ lot, quantity }) => `${quantity} of ${lot}`).join(),
      ]),
    ),
    depth: text(coreDepth(state)),
    lots: text(
      [...state.lots.values()].map((lot) => [
        ...[lot.number, lot.owner, lot.supplier, lot.priceTicks, lot.tokens, lot.usedTokens],
        ...[lot.valueMicros, lot.paidMicros, ledger.holdAmount(`lot${lot.number}:margin`)],
        ...[lot.enteredAtMs, lot.abandoned?.bps ?? 0, lot.tradingSinceMs, lot.costTicks],
        lot.expiresAtMs,
      ]),
    ),
    deliveries: text(
      [...state.deliveries.values()].map((d) => [
        ...[d.number, d.attempt, d.account, d.supplier, d.timeoutAtMs, d.owed?.supplier ?? null],
        ...[partsText(d.parts), "for", partsText(d.owed?.parts ?? [])],
        d.excluded.join(),
        ...d.failures.flatMap((f) => [
          ...[f.supplier, f.cause, f.reservedMicros, f.chargeMaxMicros, f.guarantyMaxMicros],
        ]),
      ]),
    ),
    supplies: text(
      [...state.supplies.values()].map((s) => [
        ...[s.account, s.symbol, s.inIssuanceTokens, s.totalIssuedTokens, s.deliveredTokens],
        s.owedTokens,
      ]),
    ),
    nodes: text([...state.nodes.values()].map((node) => [node.number, node.session])),
    away: text(
      attendance.flatMap(([account, { awaySinceMs }]) =>
        awaySinceMs === null ? [] : [[account, awaySinceMs]],
      ),
    ),
    groups: text(
      [...state.groups.values()].map((g) => [
        ...[g.account, g.symbol, g.group, g.quantityMax, g.windowMs, g.isTripped],
      ]),
    ),
    switches: text([...state.cancelsAfter]),
    markets: text(
      [...state.instruments].map(([symbol, { trading }]) => [
        ...[symbol, trading.phase, trading.endsAtMs],
      ]),
    ),
    graces: text(
      attendance.flatMap(([account, { graceEndsAtMs }]) =>
        graceEndsAtMs === null ? [] : [[account, graceEndsAtMs]],
      ),
    ),
    accounts: text(
      [...state.accounts.values()]
        .filter(({ number }) => number !== m.EXCHANGE)
        .map(({ number, mode, settings }) => [
          ...[number, mode, settings.autoTransfer, settings.autoBuy],
          ...[settings.autoBuyTokens, settings.autoBuyTriggerTokens],
          settings.priceCeilings.map(({ symbol, priceTicks }) => [symbol, priceTicks]).join(),
        ]),
    ),
    clientIds: text([...state.clientIds.keys()].map((key) => key.split(":"))),
    references: text([...state.references].map(([reference, { atMs }]) => [reference, atMs])),
  };
}
