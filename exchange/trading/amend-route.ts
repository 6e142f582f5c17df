/** `PUT /orders/{id}`: another price, quantity, stop price or time in force for an order that is open. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { History } from "#exchange/history/history.ts";
import { described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { listedOf } from "./markets.ts";
import { ORDER_OPTIONS, readPrice, readQuantity, readTime } from "./order-request.ts";
import { orderNumber, ownOrder, runOnOrder } from "./own-orders.ts";
import { OrderAnswer } from "./schemas/orders.ts";
import { SentUnits } from "./schemas/values.ts";
import { callerOf } from "./scope.ts";
import { orderView } from "./views.ts";

const { price, stop_price, time_in_force, expires_at } = ORDER_OPTIONS;
const readAmendment = bodyReader(
  Type.Object(
    { quantity: Type.Optional(SentUnits), price, stop_price, time_in_force, expires_at },
    { additionalProperties: false, minProperties: 1 },
  ),
);

const AMEND = described({
  tag: "orders",
  summary: "Changes an open order; what is left out stays",
  notes:
    "`quantity` is that of the whole order, with what is filled. A smaller quantity alone keeps the order's place in the book, anything else loses it.",
  body: readAmendment.schema,
  answer: OrderAnswer,
  errors: [
    "auto-mode-trading-restricted",
    "order-not-found",
    "order-not-cancellable",
    "order-already-cancelled",
    "invalid-order",
    "invalid-price",
    "invalid-quantity",
    "insufficient-balance",
    "insufficient-units",
    "insufficient-bond",
    "market-closed",
  ],
});

export async function amendRoute(
  app: FastifyInstance,
  { shell, history }: { shell: Shell; history: History },
): Promise<void> {
  app.put<{ Params: { id: string } }>("/orders/:id", AMEND, async (request, reply) => {
    const account = callerOf(request);
    const order = orderNumber(request.params.id);
    const body = readAmendment(request.body);
    const listed = listedOf(shell.state, ownOrder(history, account, order).symbol);
    const { instrument } = listed;
    await runOnOrder({ shell, history }, reply, {
      type: "amend-order",
      account,
      order,
      ...(body.quantity !== undefined && { quantity: readQuantity(instrument, body.quantity) }),
      ...(body.price !== undefined && { priceTicks: readPrice(instrument, body.price) }),
      ...(body.stop_price !== undefined && {
        stopTicks: readPrice(instrument, body.stop_price, "stop_price"),
      }),
      ...(body.time_in_force !== undefined && { timeInForce: body.time_in_force }),
      ...(body.expires_at !== undefined && {
        expiresAtMs: readTime("expires_at", body.expires_at),
      }),
    });
    return { data: orderView(listed, ownOrder(history, account, order)) };
  });
}
