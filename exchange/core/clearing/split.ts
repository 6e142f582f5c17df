/**
 * Splitting a Lot: part of its free tokens becomes a Lot of its own, at the same price per token. A
 * price is a whole number of micro-dollars per increment, so whole increments split without rounding.
 */
import { lotEscrow, lotMargin, lotTokens } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { instrumentOf, type Turn } from "#exchange/core/turn.ts";
import { valueMicros } from "#protocol/instrument.ts";
import { divideFloor, shareCeil } from "#protocol/money.ts";
import { namesOfLot } from "./lots.ts";

/** What a part of a Lot is worth, and how the bond behind the Lot is shared out. */
export interface Cut {
  tokens: number;
  valueMicros: bigint;
  /** Bond behind what stays, and behind the part. */
  keptMarginMicros: bigint;
  marginMicros: bigint;
}

/** Whole increments of a Lot that were neither used nor reserved nor offered, in tokens. */
export function wholeFreeTokens(state: CoreState, lot: Lot): number {
  const { incrementTokens } = instrumentOf(state, lot.symbol).instrument;
  return lot.freeTokens - (lot.freeTokens % incrementTokens);
}

/** Cuts whole increments off a Lot. The bond goes by value, rounded down for the part. */
export function cutOf(state: CoreState, lot: Lot, tokens: number): Cut {
  const { instrument } = instrumentOf(state, lot.symbol);
  const value = valueMicros(instrument, lot.priceTicks, tokens / instrument.incrementTokens);
  const owed = lot.valueMicros - lot.paidMicros;
  const margin = state.ledger.holdAmount(namesOfLot(lot).margin);
  const marginMicros = owed === 0n ? 0n : divideFloor(margin * value, owed);
  // What the rest needs, rounded up by itself, may be a micro-dollar less than what is left.
  const needed = shareCeil(owed - value, lot.marginBps);
  const left = margin - marginMicros;
  return {
    tokens,
    valueMicros: value,
    keptMarginMicros: left < needed ? left : needed,
    marginMicros,
  };
}

/** Moves escrow and bond of a cut into Lot `into`; the tokens are moved by whoever knows where they are. */
export function cutPostings(state: CoreState, lot: Lot, into: number, cut: Cut): Posting[] {
  const { ledger } = state;
  const { escrow, margin } = namesOfLot(lot);
  const held = ledger.holdAmount(margin);
  const bond = ledger.names.bond(lot.supplier);
  const postings: Posting[] = [
    { kind: "move", from: escrow, to: lotEscrow(into), amount: cut.valueMicros },
    { kind: "void", hold: margin, amount: held - cut.keptMarginMicros },
    { kind: "hold", hold: lotMargin(into), from: bond, amount: cut.marginMicros },
  ];
  return postings.filter(({ amount }) => amount > 0n);
}

/** Splits free tokens off a Lot, for the same owner. Returns the number of the new Lot. */
export function splitLot(turn: Turn, lot: Lot, tokens: number): number {
  const { state } = turn;
  const into = state.counters.lot + 1;
  const cut = cutOf(state, lot, tokens);
  const { tokens: from } = namesOfLot(lot);
  turn.emit({
    type: "lot-split",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    lot: lot.number,
    into,
    ...cut,
    postings: [
      { kind: "move", from, to: lotTokens(into, lot.symbol), amount: BigInt(tokens) },
      ...cutPostings(state, lot, into, cut),
    ],
  });
  return into;
}
