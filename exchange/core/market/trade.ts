/**
 * One fill as one event: money into escrow, fees, Units into a new Lot, and the bond that stood
 * behind the ask moves to the Lot. Units that are sold on bring their Lot's escrow and bond with them,
 * and the price goes to who sold them.
 */

import {
  EXCHANGE_ACCOUNT,
  FEES,
  lotEscrow,
  lotMargin,
  lotTokens,
} from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { Order } from "#exchange/core/state.ts";
import { accountOf, instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { tokensOf, valueMicros } from "#protocol/instrument.ts";
import { shareCeil } from "#protocol/money.ts";
import { feeBpsOf, feeOfFill, feeOfRest, marginMicros } from "./fees.ts";
import { handOver, type ResoldPart } from "./resale.ts";

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
  const listed = instrumentOf(state, maker.symbol);
  const { instrument } = listed;
  const buy = maker.side === "buy" ? maker : taker;
  const sell = maker.side === "buy" ? taker : maker;
  const value = valueMicros(instrument, priceTicks, quantity);
  const lot = state.counters.lot + 1;
  const buyerBps = feeBpsOf(policy, buy, buy === taker);
  const buyerFee = feeOfFill(buy, value, buyerBps);
  // A resting ask's maker fee is collected as far as the balance reaches: a fill must always settle.
  const sellerAvailable = state.ledger.names.available(sell.account);
  const isResale = sell.lots.length > 0;
  // Who sells Units on is paid at once, and has its fee from that.
  const sellerFree = state.ledger.free(sellerAvailable) + (isResale ? value : 0n);
  const isCover = buy.account === EXCHANGE_ACCOUNT;
  const sellerBps = isCover ? 0 : feeBpsOf(policy, sell, sell === taker);
  const sellerFeeDue = feeOfFill(sell, value, sellerBps);
  const sellerFee = sellerFeeDue < sellerFree ? sellerFeeDue : sellerFree;

  const postings: Posting[] = [];
  const payee = isResale ? sellerAvailable : lotEscrow(lot);
  add(postings, { kind: "post", hold: buy.holdName, to: payee, amount: value });
  add(postings, { kind: "post", hold: buy.holdName, to: FEES, amount: buyerFee });
  // A bid holds its limit; what a better price saved goes back at once.
  const left = buy.quantity - buy.filled - quantity;
  const rest = left === 0 ? 0n : valueMicros(instrument, buy.priceTicks, left);
  const beyondRest = state.ledger.holdAmount(buy.holdName) - value - buyerFee - rest;
  if (beyondRest > 0n) {
    const fees = left === 0 ? 0n : feeOfRest(buy, value, buyerBps, rest);
    add(postings, { kind: "void", hold: buy.holdName, amount: beyondRest - fees });
  }
  add(postings, { kind: "move", from: sellerAvailable, to: FEES, amount: sellerFee });
  let resold = NONE_RESOLD;
  if (isResale) {
    const handed = handOver(state, sell, buy.account, quantity, listed);
    resold = handed.resold;
    postings.push(...handed.postings);
  } else {
    add(postings, {
      kind: "post",
      hold: sell.holdName,
      to: lotTokens(lot, sell.symbol),
      amount: BigInt(tokensOf(instrument, quantity)),
    });
    addMarginPostings(postings, turn, sell, quantity, value, lot);
  }

  const entersAtOnce = accountOf(state, buy.account).settings.autoTransfer;
  turn.emit({
    type: "trade",
    version: 2,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
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
    lot: isResale ? firstLotOf(resold) : lot,
    enteredAtMs: entersAtOnce ? turn.nowMs : null,
    expiresAtMs: entersAtOnce ? turn.nowMs + policy.lotLifetimeMs : null,
    valueMicros: value,
    resold,
    postings,
  });
}

/** Of all fills of issued Units. */
const NONE_RESOLD: ResoldPart[] = [];

function firstLotOf(resold: readonly ResoldPart[]): number {
  return resold.find(({ into }) => into !== null)?.into ?? 0;
}

function add(postings: Posting[], posting: Posting): void {
  if (posting.amount > 0n) postings.push(posting);
}

/** The ask's margin shrinks to what is left of it; the Lot's starts at its own value. */
function addMarginPostings(
  postings: Posting[],
  turn: Turn,
  sell: Order,
  quantity: number,
  value: bigint,
  lot: number,
): void {
  const policy = policyOf(turn.state);
  const { instrument } = instrumentOf(turn.state, sell.symbol);
  const { ledger } = turn.state;
  const bond = ledger.names.bond(sell.account);
  const left = sell.quantity - sell.filled - quantity;
  const heldNow = ledger.holdAmount(sell.marginName);
  const heldThen = shareCeil(valueMicros(instrument, sell.priceTicks, left), sell.heldBps);
  // An ask that ends at once may be worth more at its limit than it held for.
  const freed = heldNow > heldThen ? heldNow - heldThen : 0n;
  // Sold above the ask's price, the Lot needs more bond than the ask held: as much as there is.
  const wanted = marginMicros(policy, value);
  const reachable = freed + ledger.free(bond);
  const amount = wanted < reachable ? wanted : reachable;
  add(postings, { kind: "void", hold: sell.marginName, amount: freed });
  add(postings, { kind: "hold", hold: lotMargin(lot), from: bond, amount });
}
