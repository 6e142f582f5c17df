/** Orders over the signed API: place, read, list, count, cancel. */
import type { FastifyInstance } from "fastify";
import type { CoreState } from "#exchange/core/state.ts";
import type { History } from "#exchange/history/history.ts";
import {
  OPEN_STATUS_WORDS,
  type OrderRecord,
  type OrderStatusWord,
} from "#exchange/history/records.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import type { Shell } from "#exchange/shell.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";
import { pagingView, readListQuery } from "./list-query.ts";
import { listedOf } from "./markets.ts";
import { orderCommand, readOrderBody } from "./order-request.ts";
import { callerOf } from "./scope.ts";
import { orderView } from "./views.ts";

/** What `status` may ask for; `active` and `closed` are sums. */
const STATUSES: Record<string, readonly OrderStatusWord[]> = {
  active: OPEN_STATUS_WORDS,
  open: ["open"],
  pending: ["pending"],
  partially_filled: ["partially_filled"],
  filled: ["filled"],
  cancelled: ["cancelled"],
  closed: ["filled", "cancelled"],
};
const FILTERS = [
  "market_id",
  "instrument_id",
  "trader_id",
  "side",
  "status",
  "client_order_id",
  "start_datetime",
  "end_datetime",
];

interface ById {
  Params: { id: string };
}

export async function orderRoutes(
  app: FastifyInstance,
  { shell, history }: { shell: Shell; history: History },
): Promise<void> {
  app.post("/orders", async (request, reply) => {
    const account = callerOf(request);
    const body = readOrderBody(request.body);
    const command = orderCommand(account, listedOf(shell.state, body.market_id), body);
    const { order } = await runCommand(shell, reply, command);
    // History took the order in before the command's answer was released.
    return reply.status(201).send({ data: show(shell.state, ownOrder(account, order)) });
  });

  app.get("/orders", async (request, reply) => {
    const account = callerOf(request);
    const query = readListQuery(request.query, FILTERS);
    const market = query.filter("market_id") ?? query.filter("instrument_id");
    const trader = query.filter("trader_id");
    if (trader !== null && parsePublicId("account", trader) !== account) {
      throw new Refused("account-not-found", "trader_id is another account; leave it out");
    }
    const status = query.choice("status", Object.keys(STATUSES));
    const page = history.orders(
      account,
      {
        symbol: market === null ? null : listedOf(shell.state, market).instrument.symbol,
        side: query.choice("side", ["buy", "sell"] as const),
        statuses: status === null ? null : (STATUSES[status] ?? null),
        clientOrderId: query.filter("client_order_id"),
        fromMs: query.timeMs("start_datetime"),
        toMs: query.timeMs("end_datetime"),
      },
      query.page,
    );
    reply.header("x-gridspot-seq", String(history.lastSeq));
    return {
      data: page.items.map((order) => show(shell.state, order)),
      paging: pagingView(page),
    };
  });

  app.get("/orders/count", async (request, reply) => {
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

  app.get<ById>("/orders/:id", async (request, reply) => {
    const order = ownOrder(callerOf(request), numberOf(request.params.id));
    reply.header("x-gridspot-seq", String(history.lastSeq));
    return { data: show(shell.state, order) };
  });

  app.delete<ById>("/orders/:id", async (request, reply) => {
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

  app.delete("/orders", async (request, reply) => {
    const account = callerOf(request);
    const command = { type: "cancel-orders" as const, account, symbol: null };
    return { data: await runCommand(shell, reply, command) };
  });

  app.delete<ById>("/markets/:id/orders", async (request, reply) => {
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
