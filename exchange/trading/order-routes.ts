/** Orders over the signed API: place, read, list, cancel; and the account's own trades. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { CoreState, Order } from "#exchange/core/state.ts";
import type { History, TradeRow } from "#exchange/history/history.ts";
import { bodyOf, Refused, runCommand } from "#exchange/http.ts";
import type { Shell } from "#exchange/shell.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";
import { formatMicros } from "#protocol/money.ts";
import { formatPrice, formatQuantity, parsePrice, parseQuantity } from "#protocol/quotation.ts";
import type { Authenticator } from "./authentication.ts";
import { listedOf } from "./market-routes.ts";
import { orderView } from "./views.ts";

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 100;
const Decimal = Type.Union([
  Type.String({ maxLength: 32 }),
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
]);

const orderBody = bodyOf(
  Type.Object(
    {
      market_id: Type.String({ maxLength: 80 }),
      side: Type.Enum(["buy", "sell"]),
      type: Type.Enum(["limit", "market"]),
      quantity: Decimal,
      price: Type.Optional(Decimal),
      time_in_force: Type.Optional(Type.Enum(["gtc", "ioc", "fok"])),
      client_order_id: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9._:-]{1,64}$" })),
      post_only: Type.Optional(Type.Boolean()),
      max_slippage_bps: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
    },
    { additionalProperties: false },
  ),
);

export interface OrderDependencies {
  shell: Shell;
  history: History;
  auth: Authenticator;
}

export async function orderRoutes(
  app: FastifyInstance,
  { shell, history, auth }: OrderDependencies,
): Promise<void> {
  app.post("/orders", async (request, reply) => {
    const account = auth.signed(request);
    const body = orderBody(request);
    const { instrument } = listedOf(shell.state, body.market_id);
    const quantity = parseQuantity(instrument, String(body.quantity));
    if (!quantity.ok) throw new Refused("invalid-quantity", quantity.reason, { field: "quantity" });
    if (body.type === "limit" && body.price === undefined) {
      throw new Refused("invalid-price", "a limit order needs a price", { field: "price" });
    }
    const price = body.price === undefined ? null : parsePrice(instrument, String(body.price));
    if (price !== null && !price.ok) {
      throw new Refused("invalid-price", price.reason, { field: "price" });
    }
    const placed = await runCommand(shell, reply, {
      type: "place-order",
      account,
      symbol: instrument.symbol,
      side: body.side,
      orderType: body.type,
      timeInForce: body.time_in_force ?? (body.type === "market" ? "ioc" : "gtc"),
      quantity: quantity.value,
      priceTicks: price === null ? null : price.value,
      maxSlippageBps: body.max_slippage_bps ?? null,
      postOnly: body.post_only ?? false,
      clientOrderId: body.client_order_id ?? null,
      issueMissing: false,
    });
    return reply.status(201).send({ data: await ownOrder(account, placed.order) });
  });

  /** The order as it stands: live state first, history for what is closed. */
  async function ownOrder(account: number, number: number): Promise<object> {
    const view = await shell.read((state) => {
      const live = state.orders.get(number);
      return live === undefined || live.account !== account ? null : show(state, live);
    });
    if (view !== null) return view;
    const closed = history.order(number);
    if (closed === null || closed.account !== account) throw notFound(number);
    return show(shell.state, closed);
  }

  app.get("/orders", async (request) => {
    const account = auth.signed(request);
    const query = request.query as Record<string, string | undefined>;
    const limit = limitOf(query.limit);
    const market = query.market_id ?? query.instrument_id;
    const symbol =
      market === undefined ? undefined : listedOf(shell.state, market).instrument.symbol;
    const before = query.next === undefined ? undefined : numberOf(query.next);
    await shell.read(() => null);
    const rows = history.orders(account, { symbol, side: query.side, before, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const hasMore = rows.length > limit;
    const last = page.at(-1);
    return {
      data: page.map((order) => show(shell.state, order)),
      paging: {
        has_more: hasMore,
        next_cursor: hasMore && last !== undefined ? publicId("order", last.number) : null,
        prev_cursor: null,
      },
    };
  });

  app.get("/orders/count", (request) => {
    const account = auth.signed(request);
    return shell.read((state) => ({
      data: { count: state.accounts.get(account)?.openOrders.size ?? 0 },
    }));
  });

  app.get<{ Params: { id: string } }>("/orders/:id", async (request) => {
    const account = auth.signed(request);
    return { data: await ownOrder(account, numberOf(request.params.id)) };
  });

  app.delete<{ Params: { id: string } }>("/orders/:id", async (request, reply) => {
    const account = auth.signed(request);
    const order = numberOf(request.params.id);
    const closed = shell.state.orders.has(order) ? null : history.order(order);
    if (closed !== null && closed.account === account) {
      const cancelled = closed.status === "cancelled";
      throw new Refused(cancelled ? "order-already-cancelled" : "order-not-cancellable");
    }
    await runCommand(shell, reply, { type: "cancel-order", account, order });
    return reply.status(204).send();
  });

  app.delete("/orders", async (request, reply) => {
    const account = auth.signed(request);
    return {
      data: await runCommand(shell, reply, { type: "cancel-orders", account, symbol: null }),
    };
  });

  app.delete<{ Params: { id: string } }>("/markets/:id/orders", async (request, reply) => {
    const account = auth.signed(request);
    const { symbol } = listedOf(shell.state, request.params.id).instrument;
    return { data: await runCommand(shell, reply, { type: "cancel-orders", account, symbol }) };
  });

  app.get("/trades", async (request) => {
    const account = auth.signed(request);
    const { limit } = request.query as { limit?: string };
    await shell.read(() => null);
    return { data: history.trades(account, limitOf(limit)).map((row) => ownTrade(row, account)) };
  });

  app.get<{ Params: { id: string } }>("/markets/:id/trades", async (request) => {
    const { symbol } = listedOf(shell.state, request.params.id).instrument;
    const { limit } = request.query as { limit?: string };
    await shell.read(() => null);
    return { data: history.marketTrades(symbol, limitOf(limit)).map(tradeView) };
  });

  function tradeView({ number, atMs, event }: TradeRow): object {
    const listed = listedOf(shell.state, event.symbol);
    return {
      trade_id: publicId("trade", number),
      market_id: publicId("market", listed.number),
      price: formatPrice(listed.instrument, event.priceTicks),
      quantity: formatQuantity(listed.instrument, event.quantity),
      side: event.takerSide,
      execution_timestamp: new Date(atMs).toISOString(),
    };
  }

  function ownTrade(row: TradeRow, account: number): object {
    const { event } = row;
    const bought = event.buyer === account;
    const buyOrder = event.takerSide === "buy" ? event.takerOrder : event.makerOrder;
    const sellOrder = event.takerSide === "buy" ? event.makerOrder : event.takerOrder;
    return {
      ...tradeView(row),
      instrument_symbol: event.symbol,
      total_value: formatMicros(event.valueMicros),
      fee: formatMicros(bought ? event.buyerFeeMicros : event.sellerFeeMicros),
      status: "settled",
      side: bought ? "buy" : "sell",
      order_id: publicId("order", bought ? buyOrder : sellOrder),
    };
  }
}

function show(state: CoreState, order: Order): object {
  return orderView(listedOf(state, order.symbol), order);
}

function numberOf(id: string): number {
  const number = parsePublicId("order", id);
  if (number === null) throw new Refused("order-not-found", `"${id}" is no order id`);
  return number;
}

function notFound(number: number): Refused {
  return new Refused("order-not-found", `no order ${publicId("order", number)} of this account`);
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return LIMIT_DEFAULT;
  const limit = Number(text);
  if (/^\d{1,3}$/.test(text) && limit >= 1 && limit <= LIMIT_MAX) return limit;
  throw new Refused("validation-error", `limit is "${text}", expected 1 to ${LIMIT_MAX}`);
}
