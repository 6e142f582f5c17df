/**
 * Selling bought Units on. A sell order of an account that has Lots in Trading and no issued Units to
 * sell holds named Lots, latest expiry first; each fill hands over parts of them, whole increments.
 */

import type { OfferedLot } from "#exchange/core/clearing/lot-events.ts";
import { lotOf, namesOfLot } from "#exchange/core/clearing/lots.ts";
import { isInGoodStanding } from "#exchange/core/clearing/offers.ts";
import { type Cut, cutOf, cutPostings } from "#exchange/core/clearing/split.ts";
import { nextSweepMs } from "#exchange/core/clearing/sweep-times.ts";
import { byLatestExpiry, takeWhole } from "#exchange/core/clearing/transfers.ts";
import type { PlaceOrder } from "#exchange/core/commands.ts";
import { askLotHold, lotTokens } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { CoreState, InstrumentState, Lot, Order } from "#exchange/core/state.ts";
import { sellableTokens } from "#exchange/core/supply/capacity.ts";
import { accept, accountOf, type Decision, instrumentOf, type Turn } from "#exchange/core/turn.ts";
import { tokensOf } from "#protocol/instrument.ts";
import { formatUnits } from "#protocol/money.ts";

/** Part of a Lot in a fill; `into` is the buyer's new Lot, null where the buyer owed it and it is no more. */
export interface ResoldPart extends Cut {
  lot: number;
  into: number | null;
}

/**
 * Bought Units that an account can sell now, in the order in which an ask takes them; null where it sells
 * issued ones. Those come first: bought Units are sold by who has none, and an order sells the one kind
 * or the other.
 */
export function lotsForSale(
  { state, nowMs }: Turn,
  { account, symbol, issueMissing }: Pick<PlaceOrder, "account" | "symbol" | "issueMissing">,
): Lot[] | null {
  const held = state.tradingLots.of(accountOf(state, account), symbol);
  if (issueMissing || held.size === 0 || sellableTokens(state, account, symbol) > 0n) return null;
  const untilMs = nextSweepMs(nowMs);
  // What would expire before the sweep might be sold when it is over.
  return (
    [...held]
      // One whose sweep is due and has not run is in Consumption already.
      .filter(({ tradingSinceMs }) => nextSweepMs(tradingSinceMs ?? 0) > nowMs)
      .filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs >= untilMs)
      .filter(({ supplier }) => isInGoodStanding(state, supplier, symbol))
      .sort(byLatestExpiry)
  );
}

/** The Lots that a sell order would hold, or why it cannot; null where it sells issued Units. */
export function lotsToOffer(
  turn: Turn,
  command: PlaceOrder,
  { instrument }: InstrumentState,
): Decision<OfferedLot[]> | null {
  const lots = lotsForSale(turn, command);
  if (lots === null) return null;
  const tokens = tokensOf(instrument, command.quantity);
  const taken = takeWhole(turn.state, lots, tokens);
  if (!taken.ok) {
    return reject(
      "insufficient-units",
      `${formatUnits(taken.found)} bought Units of ${command.symbol} can be sold now, the order sells ${formatUnits(tokens)}; those of suppliers that are away or suspended cannot, nor those behind other orders`,
      { required: formatUnits(tokens), available: formatUnits(taken.found) },
    );
  }
  return accept(
    taken.parts.map((part) => ({
      lot: part.lot,
      quantity: part.tokens / instrument.incrementTokens,
    })),
  );
}

/** Sets the Lots aside for an order that was just accepted. */
export function emitOffered(turn: Turn, order: Order, lots: OfferedLot[]): void {
  const { instrument } = instrumentOf(turn.state, order.symbol);
  turn.emit({
    type: "lots-offered",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    order: order.number,
    lots,
    postings: lots.map(({ lot, quantity }) => ({
      kind: "hold",
      hold: askLotHold(order.number, lot),
      from: namesOfLot(lotOf(turn.state, lot)).tokens,
      amount: BigInt(tokensOf(instrument, quantity)),
    })),
  });
}

/** What a fill takes of an order's Lots, in their order, and how that is posted; the price is not part of it. */
export function handOver(
  state: CoreState,
  sell: Order,
  buyer: number,
  quantity: number,
  { instrument }: InstrumentState,
): { resold: ResoldPart[]; postings: Posting[] } {
  const resold: ResoldPart[] = [];
  const postings: Posting[] = [];
  let into = state.counters.lot;
  let left = quantity;
  for (const offered of sell.lots) {
    if (left === 0) break;
    const taken = Math.min(left, offered.quantity);
    left -= taken;
    const lot = lotOf(state, offered.lot);
    const tokens = tokensOf(instrument, taken);
    const cut = cutOf(state, lot, tokens);
    const hold = askLotHold(sell.number, lot.number);
    const amount = BigInt(tokens);
    if (lot.supplier === buyer) {
      const names = namesOfLot(lot);
      const { issuer } = state.ledger.names.supply(buyer, lot.symbol);
      const held = state.ledger.holdAmount(names.margin);
      // What was paid for it ahead is its supplier's, like pay for tokens that were used.
      const pay = state.ledger.names.pendingPay(buyer);
      postings.push({ kind: "post", hold, to: issuer, amount });
      postings.push({ kind: "move", from: names.escrow, to: pay, amount: cut.valueMicros });
      const freed = held - cut.keptMarginMicros;
      if (freed > 0n) postings.push({ kind: "void", hold: names.margin, amount: freed });
      resold.push({ lot: lot.number, into: null, ...cut, marginMicros: 0n });
      continue;
    }
    into += 1;
    postings.push({ kind: "post", hold, to: lotTokens(into, lot.symbol), amount });
    postings.push(...cutPostings(state, lot, into, cut));
    resold.push({ lot: lot.number, into, ...cut });
  }
  return { resold, postings };
}
