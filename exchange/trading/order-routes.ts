/** Orders over the signed API: place, read, list, count, cancel. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { CoreState } from "#exchange/core/state.ts";
import type { History } from "#exchange/history/history.ts";
import {
  OPEN_STATUS_WORDS,
  type OrderRecord,
  type OrderStatusWord,
} from "#exchange/history/records.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import type { Shell } from "#exchange/shell.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";
import { idempotencyKeyOf } from "./idempotency.ts";
import { pagingView, readListQuery } from "./list-query.ts";
import { listedOf } from "./markets.ts";
import { orderCommand, readOrderBody } from "./order-request.ts";
import {
  CancelledAnswer,
  ORDER_STATUSES,
  OrderAnswer,
  OrderCountAnswer,
} from "./schemas/orders.ts";
import { listParameters } from "./schemas/query.ts";
import { callerOf } from "./scope.ts";
import { orderView } from "./views.ts";

/** What `status` may ask for: `active` and `closed` are sums, and no order of ours is in the last three. */
const STATUSES: Record<(typeof ORDER_STATUSES)[number], readonly OrderStatusWord[]> = {
  active: OPEN_STATUS_WORDS,
  open: ["open"],
  pending: ["pending"],
  partially_filled: ["partially_filled"],
  filled: ["filled"],
  cancelled: ["cancelled"],
  closed: ["filled", "cancelled"],
  cancellation_pending: [],
  rejected: [],
  expired: [],
};
const PARAMETERS = listParameters(
  [
    "market_id",
    "instrument_id",
    "trader_id",
    "side",
    "client_order_id",
    "start_datetime",
    "end_datetime",
  ],
  { status: Type.Enum([...ORDER_STATUSES]) },
);
const tag = "orders" as const;
const PLACE = described({
  tag,
  summary: "Places an order and answers with it, fills included",
  notes:
    "The same `client_order_id` with the same content gives the first order again, for 24 hours and across restarts of the exchange. An `Idempotency-Key` becomes the `client_order_id` where there is none.",
  body: readOrderBody.schema,
  status: 201,
  answer: OrderAnswer,
  errors: [
    "auto-mode-trading-restricted",
    "market-not-found",
    "instrument-not-found",
    "invalid-quantity",
    "invalid-price",
    "invalid-order",
    "insufficient-balance",
    "insufficient-units",
    "insufficient-bond",
    "client-order-id-reused",
    "client-ids-exhausted",
    "too-many-open-orders",
    "market-closed",
    "supplier-paused",
    "supplier-suspended",
    "node-not-connected",
  ],
});
const LIST = described({
  tag,
  summary: "The caller's orders, oldest first",
  query: PARAMETERS,
  answer: Type.Array(OrderAnswer),
  paged: true,
});
const COUNT = described({
  tag,
  summary: "How many orders are open, in all and per market",
  answer: OrderCountAnswer,
});
const SHOW = described({
  tag,
  summary: "One of the caller's orders, open or closed",
  answer: OrderAnswer,
  errors: ["order-not-found"],
});
const CANCEL = described({
  tag,
  summary: "Cancels an order",
  status: 204,
  answer: null,
  errors: ["order-not-found", "order-not-cancellable", "order-already-cancelled"],
});
const CANCEL_ALL = described({
  tag,
  summary: "Cancels every open order of the caller",
  answer: CancelledAnswer,
});
const CANCEL_MARKET = described({
  tag,
  summary: "Cancels every open order of the caller in one market",
  answer: CancelledAnswer,
  errors: ["market-not-found"],
});

interface ById {
  Params: { id: string };
}

export async function orderRoutes(
  app: FastifyInstance,
  { shell, history }: { shell: Shell; history: History },
): Promise<void> {
  app.post("/orders", PLACE, async (request, reply) => {
    const account = callerOf(request);
    const body = readOrderBody(request.body);
    const listed = listedOf(shell.state, body.market_id);
    const command = orderCommand(account, listed, {
      ...body,
      // The journal keeps client order ids; a key alone would be forgotten at a restart.
      client_order_id: body.client_order_id ?? idempotencyKeyOf(request),
    });
    const { order } = await runCommand(shell, reply, command);
    // History took the order in before the command's answer was released.
    return reply.status(201).send({ data: show(shell.state, ownOrder(account, order)) });
  });

  app.get("/orders", LIST, async (request, reply) => {
    const account = callerOf(request);
    const query = readListQuery(request.query, PARAMETERS);
    const trader = query.filter("trader_id");
    if (trader !== null && parsePublicId("account", trader) !== account) {
      throw new Refused("account-not-found", "trader_id is another account; leave it out");
    }
    const status = query.choice("status", ORDER_STATUSES);
    const page = history.orders(
      account,
      {
        ...query.span(shell.state),
        side: query.choice("side", ["buy", "sell"] as const),
        statuses: status === null ? null : STATUSES[status],
        clientOrderId: query.filter("client_order_id"),
      },
      query.page,
    );
    reply.header("x-gridspot-seq", String(history.lastSeq));
    return {
      data: page.items.map((order) => show(shell.state, order)),
      paging: pagingView(page),
    };
  });

  app.get("/orders/count", COUNT, async (request, reply) => {
    const counts = history.openOrderCounts(callerOf(request));
    reply.header("x-gridspot-seq", String(history.lastSeq));
    return {
      data: {
        count: counts.reduce((sum, { count }) => sum + count, 0),
        by_market: counts.map(({ symbol, count }) => ({
          market_id: publicId("market", listedOf(shell.state, symbol).number),
          count,
        })),
      },
    };
  });

  app.get<ById>("/orders/:id", SHOW, async (request, reply) => {
    const order = ownOrder(callerOf(request), numberOf(request.params.id));
    reply.header("x-gridspot-seq", String(history.lastSeq));
    return { data: show(shell.state, order) };
  });

  app.delete<ById>("/orders/:id", CANCEL, async (request, reply) => {
    const account = callerOf(request);
    const order = numberOf(request.params.id);
    try {
      await runCommand(shell, reply, { type: "cancel-order", account, order });
    } catch (error) {
      if (!(error instanceof Refused) || error.refusal !== "order-not-found") throw error;
      // The core forgets closed orders; history knows whether there was one.
      const { status } = ownOrder(account, order);
      throw new Refused(status === "filled" ? "order-not-cancellable" : "order-already-cancelled");
    }
    return reply.status(204).send();
  });

  app.delete("/orders", CANCEL_ALL, async (request, reply) => {
    const account = callerOf(request);
    const command = { type: "cancel-orders" as const, account, symbol: null };
    return { data: await runCommand(shell, reply, command) };
  });

  app.delete<ById>("/markets/:id/orders", CANCEL_MARKET, async (request, reply) => {
    const account = callerOf(request);
    const { symbol } = listedOf(shell.state, request.params.id).instrument;
    const command = { type: "cancel-orders" as const, account, symbol };
    return { data: await runCommand(shell, reply, command) };
  });

  function ownOrder(account: number, number: number): OrderRecord {
    const order = history.order(number);
    if (order !== null && order.account === account) return order;
    throw new Refused("order-not-found", `this account has no order ${publicId("order", number)}`);
  }
}

function show(state: CoreState, order: OrderRecord): object {
  return orderView(listedOf(state, order.symbol), order);
}

function numberOf(id: string): number {
  const number = parsePublicId("order", id);
  if (number === null) throw new Refused("order-not-found", `"${id.slice(0, 80)}" is no order id`);
  return number;
}
