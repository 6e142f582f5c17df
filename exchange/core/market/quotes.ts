/**
 * Mass quotes: all asks of a supplier on one instrument replaced in one command. What stays as it was
 * keeps its place, what only shrinks too; the whole set is checked before anything changes.
 */
import type { Command, CommandResult, PlaceOrder, ReplaceQuotes } from "#exchange/core/commands.ts";
import { askHold, askMargin } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { InstrumentState, Order } from "#exchange/core/state.ts";
import { emitIssue } from "#exchange/core/supply/issuance.ts";
import { accept, type Decision, instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { tokensOf, valueMicros } from "#protocol/instrument.ts";
import { shareCeil } from "#protocol/money.ts";
import { emitAmended } from "./amending.ts";
import { closeOrder } from "./closing.ts";
import { marginMicros } from "./fees.ts";
import { executeOrder, planOrder } from "./matching.ts";
import { NO_TERMS } from "./order-terms.ts";
import { emitAccepted, emitTerms } from "./orders.ts";
import { checkQuotes, quoteFunds } from "./quote-checks.ts";

export function replaceQuotes(
  turn: Turn,
  command: Command<"replace-quotes">,
): Decision<CommandResult<"replace-quotes">> {
  const checked = checkQuotes(turn, command);
  if (!checked.ok) return checked;
  const change = checked.result;
  const funds = quoteFunds(turn, command, change);
  if (!funds.ok) return funds;
  for (const order of change.gone) closeOrder(turn, order, "cancelled", "replaced");
  for (const { order, quantity } of change.shrunk) shrink(turn, order, quantity);
  if (funds.result > 0n) emitIssue(turn, command.account, command.symbol, funds.result, true);
  const orders = change.orders.map((kept, at) => {
    const quote = command.quotes[at];
    if (kept !== null || quote === undefined) return kept ?? 0;
    return placeQuote(turn, command, instrumentOf(turn.state, command.symbol), quote);
  });
  return accept({
    orders,
    kept: orders.length - change.fresh.length,
    placed: change.fresh.length,
    cancelled: change.gone.length,
  });
}

/** Makes what is left of an ask that much; it keeps its place. */
function shrink(turn: Turn, order: Order, left: number): void {
  const { state } = turn;
  const { instrument } = instrumentOf(state, order.symbol);
  const { ledger } = state;
  const tokens = BigInt(tokensOf(instrument, left));
  const margin = marginOfRest(turn, order, left);
  const postings: Posting[] = [
    { kind: "void", hold: order.holdName, amount: ledger.holdAmount(order.holdName) - tokens },
    { kind: "void", hold: order.marginName, amount: ledger.holdAmount(order.marginName) - margin },
  ];
  const { priceTicks, timeInForce, filled } = order;
  emitAmended(
    turn,
    order,
    {
      ...{ quantity: filled + left, priceTicks, timeInForce, keepsPlace: true },
      terms: state.terms.get(order.number) ?? null,
    },
    postings.filter(({ amount }) => amount > 0n),
  );
}

function marginOfRest({ state }: Turn, order: Order, left: number): bigint {
  const { instrument } = instrumentOf(state, order.symbol);
  return shareCeil(valueMicros(instrument, order.priceTicks, left), order.heldBps);
}

function placeQuote(
  turn: Turn,
  command: ReplaceQuotes,
  { instrument }: InstrumentState,
  { priceTicks, quantity }: ReplaceQuotes["quotes"][number],
): number {
  const { account, symbol, group, session } = command;
  const { ledger, counters } = turn.state;
  const number = counters.order + 1;
  const bonded = marginMicros(policyOf(turn.state), valueMicros(instrument, priceTicks, quantity));
  const units = BigInt(tokensOf(instrument, quantity));
  const { issued } = ledger.names.supply(account, symbol);
  const bond = ledger.names.bond(account);
  const postings: Posting[] = [
    { kind: "hold", hold: askHold(number), from: issued, amount: units },
    { kind: "hold", hold: askMargin(number), from: bond, amount: bonded },
  ];
  const quote: PlaceOrder = {
    ...{ account, symbol, side: "sell", orderType: "limit", timeInForce: "gtc" },
    ...{ quantity, priceTicks, maxSlippageBps: null, postOnly: false, clientOrderId: null },
    issueMissing: true,
  };
  const order = emitAccepted(
    turn,
    quote,
    quantity,
    priceTicks,
    postings.filter(({ amount }) => amount > 0n),
  );
  if (group !== undefined || session !== undefined) {
    emitTerms(turn, order, { ...NO_TERMS, group: group ?? null, session: session ?? null });
  }
  executeOrder(turn, order, planOrder(turn, order));
  return number;
}
