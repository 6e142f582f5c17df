/** What becomes of Lots: split, moved, offered, handed over, ended. */

import { tolledMs } from "#exchange/core/clearing/halts.ts";
import type { OfferedLot } from "#exchange/core/clearing/lot-events.ts";
import { lotOf, namesOfLot } from "#exchange/core/clearing/lots.ts";
import { awaitSweep } from "#exchange/core/clearing/sweep-times.ts";
import type { EventOf } from "#exchange/core/events.ts";
import { lotClosed, openCard } from "#exchange/core/sla/scorecard.ts";
import type { CoreState, Lot, Order } from "#exchange/core/state.ts";
import { accountOf, instrumentOf } from "#exchange/core/turn.ts";
import { tokensOf } from "#protocol/instrument.ts";
import type { Appliers } from "./apply.ts";
import { openSupply } from "./supply-events.ts";

export const lotAppliers: Appliers<
  "lot-split" | "units-transferred" | "lots-offered" | "delivery-halted" | "delivery-resumed"
> = {
  "lots-offered": (state, { order: number, lots }) => {
    const order = state.orders.get(number);
    if (order === undefined) throw new Error(`order ${number} is not open`);
    // Who owes the Lots has bond behind them: the ask holds none.
    order.heldBps = 0;
    order.lots = lots;
    state.resales.add(number);
    for (const offered of lots) offer(state, order, offered, -1);
  },
  "delivery-halted": (state, { symbol, atMs }) => {
    const halts = state.deliveryHalts.get(symbol) ?? { sinceMs: null, past: [] };
    halts.sinceMs = atMs;
    state.deliveryHalts.set(symbol, halts);
  },
  "delivery-resumed": resumeLots,
  "lot-split": splitInTwo,
  "units-transferred": (state, { account, lots, to, enteredAtMs, expiresAtMs, atMs }) => {
    state.counters.transfer += 1;
    for (const number of lots) {
      const lot = lotOf(state, number);
      if (to === "trading") {
        state.holdings.remove(lot);
        lot.tradingSinceMs = atMs;
        state.tradingLots.add(lot);
        awaitSweep(state, account, atMs);
        continue;
      }
      state.tradingLots.remove(lot);
      lot.tradingSinceMs = null;
      if (lot.expiresAtMs === null && expiresAtMs !== null) {
        lot.enteredAtMs = enteredAtMs;
        lot.expiresAtMs = expiresAtMs;
        state.due.push({ dueMs: expiresAtMs, kind: "lot-expiry", id: number });
      }
      state.holdings.add(lot);
    }
  },
};

/** Lots have the time of the halt on top; it is kept for as long as a Lot that lived through it is open. */
function resumeLots(state: CoreState, event: EventOf<"delivery-resumed">): void {
  const { symbol, sinceMs: fromMs, atMs: toMs } = event;
  const halts = state.deliveryHalts.get(symbol);
  if (halts === undefined) throw new Error(`delivery of ${symbol} is not halted`);
  let oldestEntryMs = fromMs;
  for (const lot of state.lots.values()) {
    if (lot.symbol !== symbol || lot.expiresAtMs === null) continue;
    oldestEntryMs = Math.min(oldestEntryMs, lot.enteredAtMs ?? oldestEntryMs);
    lot.expiresAtMs += tolledMs(lot, event);
    state.due.push({ dueMs: lot.expiresAtMs, kind: "lot-expiry", id: lot.number });
  }
  state.holdings.layOutAnew();
  halts.sinceMs = null;
  halts.past = [...halts.past, { fromMs, toMs }].filter((halt) => halt.toMs >= oldestEntryMs);
}

/** Sets tokens of a Lot aside for an ask, or frees them again. */
function offer(state: CoreState, { symbol }: Order, { lot, quantity }: OfferedLot, sign: 1 | -1) {
  lotOf(state, lot).freeTokens += sign * tokensOf(instrumentOf(state, symbol).instrument, quantity);
}

/** An ask ended: what it still offered is free. */
export function takeBackOffer(state: CoreState, order: Order): void {
  for (const offered of order.lots) offer(state, order, offered, 1);
  order.lots = [];
  state.resales.delete(order.number);
}

/** Parts of the seller's Lots become Lots of the buyer, or are no more where the buyer owed them. */
export function handOverLots(state: CoreState, event: EventOf<"trade">, sell: Order): void {
  const { buyer, enteredAtMs, expiresAtMs, atMs } = event;
  for (const part of event.resold) {
    const lot = lotOf(state, part.lot);
    state.lotWatch?.splits(lot, part.valueMicros);
    lot.tokens -= part.tokens;
    lot.valueMicros -= part.valueMicros;
    lot.bondedMicros = part.keptMarginMicros;
    if (part.into === null) {
      const { standing } = openCard(state, lot.supplier, lot.symbol, atMs);
      standing.openLotsMicros -= part.valueMicros;
      openSupply(state, lot.supplier, lot.symbol).owedTokens -= part.tokens;
    } else {
      addLot(state, {
        ...partOf(lot, part.into, part),
        owner: buyer,
        trade: event.trade,
        costTicks: event.priceTicks,
        boughtAtMs: atMs,
        tradingSinceMs: enteredAtMs === null ? atMs : null,
        enteredAtMs: lot.enteredAtMs ?? enteredAtMs,
        expiresAtMs: lot.expiresAtMs ?? expiresAtMs,
      });
    }
    takeFromOffer(state, sell, part);
    if (lot.tokens === 0) closeLot(state, lot, atMs);
  }
}

function takeFromOffer(state: CoreState, sell: Order, part: { lot: number; tokens: number }): void {
  const { incrementTokens } = instrumentOf(state, sell.symbol).instrument;
  sell.lots = sell.lots
    .map((offered) =>
      offered.lot === part.lot
        ? { ...offered, quantity: offered.quantity - part.tokens / incrementTokens }
        : offered,
    )
    .filter(({ quantity }) => quantity > 0);
}

/** The new Lot is like the old one in all but its size and its bond. */
function splitInTwo(state: CoreState, event: EventOf<"lot-split">): void {
  const { into, tokens, valueMicros, keptMarginMicros, marginMicros } = event;
  const lot = lotOf(state, event.lot);
  takeTokens(state, lot, tokens);
  state.lotWatch?.splits(lot, valueMicros);
  lot.tokens -= tokens;
  lot.valueMicros -= valueMicros;
  lot.bondedMicros = keptMarginMicros;
  addLot(state, partOf(lot, into, { tokens, valueMicros, marginMicros }));
}

/** A Lot like another one, of which it was a part. */
function partOf(
  lot: Lot,
  into: number,
  part: { tokens: number; valueMicros: bigint; marginMicros: bigint },
): Lot {
  return {
    ...lot,
    number: into,
    tokens: part.tokens,
    valueMicros: part.valueMicros,
    bondedMicros: part.marginMicros,
    usedTokens: 0,
    paidMicros: 0n,
    drawn: null,
    openDeliveries: 0,
    freeTokens: part.tokens,
    names: null,
  };
}

/** A Lot that comes of another: its supplier owes as much as before. */
function addLot(state: CoreState, lot: Lot): void {
  const { number, owner, expiresAtMs, tradingSinceMs } = lot;
  state.counters.lot = number;
  state.lots.set(number, lot);
  accountOf(state, owner).lots.add(number);
  if (expiresAtMs !== null) state.due.push({ dueMs: expiresAtMs, kind: "lot-expiry", id: number });
  if (tradingSinceMs === null) state.holdings.add(lot);
  else {
    state.tradingLots.add(lot);
    awaitSweep(state, owner, tradingSinceMs);
  }
}

/** Free tokens leave a Lot. */
function takeTokens(state: CoreState, lot: Lot, tokens: number): void {
  if (lot.tradingSinceMs === null) state.holdings.free(lot, -tokens);
  else lot.freeTokens -= tokens;
}

export function closeLot(state: CoreState, lot: Lot, atMs: number): void {
  const { escrow, tokens } = namesOfLot(lot);
  state.ledger.forget(escrow);
  state.ledger.forget(tokens);
  state.holdings.remove(lot);
  state.tradingLots.remove(lot);
  lotClosed(state, lot, atMs);
  accountOf(state, lot.owner).lots.delete(lot.number);
  state.lots.delete(lot.number);
}
