/**
 * One fill as one event: money into escrow, fees, Units into a new Lot, and the bond that stood
 * behind the ask moves to the Lot.
 */

import {
  askHold,
  askMargin,
  available,
  bidHold,
  bond,
  FEES,
  lotEscrow,
  lotMargin,
  lotTokens,
} from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { Order } from "#exchange/core/state.ts";
import { instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { tokensOf, valueMicros } from "#protocol/instrument.ts";
import { bidHoldMicros, feeOfFill, marginMicros } from "./fees.ts";

/** Emits the trade of `quantity` increments at the maker's price. */
export function emitTrade(
  turn: Turn,
  maker: Order,
  taker: Order,
  quantity: number,
  priceTicks: number,
): void {
  const { state } = turn;
  const policy = policyOf(state);
  const { instrument } = instrumentOf(state, maker.symbol);
  const [buy, sell] = maker.side === "buy" ? [maker, taker] : [taker, maker];
  const bpsOf = (order: Order) => (order === taker ? policy.takerFeeBps : policy.makerFeeBps);
  const value = valueMicros(instrument, priceTicks, quantity);
  const lot = state.counters.lot + 1;
  const buyerFee = buyerFeeOf(turn, buy, buy === taker, value, quantity);
  // A resting ask's maker fee is collected as far as the balance reaches: a fill must always settle.
  const sellerFree = state.ledger.free(available(sell.account));
  const sellerFeeDue = feeOfFill(sell, value, bpsOf(sell));
  const sellerFee = sellerFeeDue < sellerFree ? sellerFeeDue : sellerFree;

  const postings: Posting[] = [];
  const add = (posting: Posting) => {
    if (posting.amount > 0n) postings.push(posting);
  };
  add({ kind: "post", hold: bidHold(buy.number), to: lotEscrow(lot), amount: value });
  add({ kind: "post", hold: bidHold(buy.number), to: FEES, amount: buyerFee });
  // A bid holds its limit; what a better price saved goes back at once.
  const left = buy.quantity - buy.filled - quantity;
  const stillNeeded = bidHoldMicros(policy, valueMicros(instrument, buy.priceTicks, left));
  const held = state.ledger.holdAmount(bidHold(buy.number)) - value - buyerFee;
  if (held > stillNeeded) {
    add({ kind: "void", hold: bidHold(buy.number), amount: held - stillNeeded });
  }
  add({ kind: "move", from: available(sell.account), to: FEES, amount: sellerFee });
  add({
    kind: "post",
    hold: askHold(sell.number),
    to: lotTokens(lot, sell.symbol),
    amount: BigInt(tokensOf(instrument, quantity)),
  });
  for (const posting of marginPostings(turn, sell, quantity, value, lot)) add(posting);

  turn.emit("trade", {
    trade: state.counters.trade + 1,
    symbol: maker.symbol,
    priceTicks,
    quantity,
    makerOrder: maker.number,
    takerOrder: taker.number,
    buyer: buy.account,
    seller: sell.account,
    takerSide: taker.side,
    buyerFeeMicros: buyerFee,
    sellerFeeMicros: sellerFee,
    lot,
    enteredAtMs: turn.nowMs,
    expiresAtMs: turn.nowMs + policy.lotLifetimeMs,
    valueMicros: value,
    postings,
  });
}

/** A resting bid set its fee aside under the policy of its day; a later one cannot take more. */
function buyerFeeOf(
  { state }: Turn,
  buy: Order,
  takes: boolean,
  value: bigint,
  quantity: number,
): bigint {
  const { takerFeeBps, makerFeeBps } = policyOf(state);
  const due = feeOfFill(buy, value, takes ? takerFeeBps : makerFeeBps);
  if (takes) return due;
  const { instrument } = instrumentOf(state, buy.symbol);
  const left = buy.quantity - buy.filled - quantity;
  const held = state.ledger.holdAmount(bidHold(buy.number));
  const setAside = held - value - valueMicros(instrument, buy.priceTicks, left);
  return due < setAside ? due : setAside;
}

/** The ask's margin shrinks to what is left of it; the Lot's starts at its own value. */
function marginPostings(
  turn: Turn,
  sell: Order,
  quantity: number,
  value: bigint,
  lot: number,
): Posting[] {
  const policy = policyOf(turn.state);
  const { instrument } = instrumentOf(turn.state, sell.symbol);
  const left = sell.quantity - sell.filled - quantity;
  const heldNow = turn.state.ledger.holdAmount(askMargin(sell.number));
  const heldThen = marginMicros(policy, valueMicros(instrument, sell.priceTicks, left));
  const freed = heldNow > heldThen ? heldNow - heldThen : 0n;
  // Sold above the ask's price, the Lot needs more bond than the ask held: as much as there is.
  const wanted = marginMicros(policy, value);
  const reachable = freed + turn.state.ledger.free(bond(sell.account));
  return [
    { kind: "void", hold: askMargin(sell.number), amount: freed },
    {
      kind: "hold",
      hold: lotMargin(lot),
      from: bond(sell.account),
      amount: wanted < reachable ? wanted : reachable,
    },
  ];
}
