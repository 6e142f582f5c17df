/** What an agent may ask over its link: place, cancel and list its asks, and look at the market. */

import { BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import type { CoreState, Order } from "#exchange/core/state.ts";
import type { Shell } from "#exchange/shell.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";
import type { AskView, Call, MarketView, Reply } from "#protocol/link-messages.ts";
import { formatPrice, formatQuantity, parsePrice, parseQuantity } from "#protocol/quotation.ts";

type Answer =
  | { ok: true; result: unknown }
  | {
      ok: false;
      code: string;
      message: string;
      details?: Record<string, string | number>;
    };

/** Answers one call of an account's agent; resolves when the answer may be told. */
export async function answerCall(shell: Shell, account: number, call: Call): Promise<Reply> {
  const answer = await run(shell, account, call);
  if (answer.ok) return { type: "reply", id: call.id, ok: true, result: answer.result };
  const { ok: _ok, ...error } = answer;
  return { type: "reply", id: call.id, ok: false, error };
}

async function run(shell: Shell, account: number, call: Call): Promise<Answer> {
  switch (call.method) {
    case "place-ask":
      return placeAsk(shell, account, call.params);
    case "cancel-ask":
      return cancelAsk(shell, account, call.params.orderId);
    case "list-asks":
      return { ok: true, result: await shell.read((state) => asksOf(state, account)) };
    case "market":
      return market(shell, call.params.symbol);
  }
}

async function placeAsk(
  shell: Shell,
  account: number,
  params: Extract<Call, { method: "place-ask" }>["params"],
): Promise<Answer> {
  const listed = shell.state.instruments.get(params.symbol);
  if (listed === undefined) return unknownInstrument(params.symbol);
  const price = parsePrice(listed.instrument, params.price);
  if (!price.ok) return { ok: false, code: "invalid-price", message: price.reason };
  const quantity = parseQuantity(listed.instrument, params.quantity);
  if (!quantity.ok) return { ok: false, code: "invalid-quantity", message: quantity.reason };
  const outcome = await shell.execute({
    type: "place-order",
    account,
    symbol: params.symbol,
    side: "sell",
    orderType: "limit",
    timeInForce: "gtc",
    quantity: quantity.value,
    priceTicks: price.value,
    maxSlippageBps: null,
    postOnly: false,
    clientOrderId: params.clientOrderId ?? null,
    issueMissing: true,
  });
  if (!outcome.ok) return { ok: false, ...outcome.rejection };
  return { ok: true, result: { orderId: publicId("order", outcome.result.order) } };
}

async function cancelAsk(shell: Shell, account: number, orderId: string): Promise<Answer> {
  const order = parsePublicId("order", orderId);
  if (order === null) {
    return { ok: false, code: "order-not-found", message: `"${orderId}" is no order id` };
  }
  const outcome = await shell.execute({ type: "cancel-order", account, order });
  return outcome.ok ? { ok: true, result: {} } : { ok: false, ...outcome.rejection };
}

function asksOf(state: CoreState, account: number): AskView[] {
  const open = state.accounts.get(account)?.openOrders ?? new Set<number>();
  return [...open]
    .map((number) => state.orders.get(number))
    .filter((order): order is Order => order !== undefined && order.side === "sell")
    .map((order) => askView(state, order));
}

function askView(state: CoreState, order: Order): AskView {
  const instrument = state.instruments.get(order.symbol)?.instrument;
  if (instrument === undefined) throw new Error(`order ${order.number} has no instrument`);
  return {
    orderId: publicId("order", order.number),
    clientOrderId: order.clientOrderId,
    symbol: order.symbol,
    price: formatPrice(instrument, order.priceTicks),
    quantity: formatQuantity(instrument, order.quantity),
    remaining: formatQuantity(instrument, order.quantity - order.filled),
    status: order.status,
  };
}

async function market(shell: Shell, symbol: string): Promise<Answer> {
  const listed = shell.state.instruments.get(symbol);
  if (listed === undefined) return unknownInstrument(symbol);
  const { book, instrument, lastPriceTicks } = listed;
  const shown = (ticks: number | null) => (ticks === null ? null : formatPrice(instrument, ticks));
  const view: MarketView = await shell.read(() => ({
    symbol,
    bid: shown(book.bestPriceTicks(BUY)),
    ask: shown(book.bestPriceTicks(SELL)),
    last: shown(lastPriceTicks),
  }));
  return { ok: true, result: view };
}

function unknownInstrument(symbol: string): Answer {
  return { ok: false, code: "instrument-not-found", message: `no instrument "${symbol}"` };
}
