/** Beside the published orders: batches, sets of quotes with limits on their fills, previews, and switches. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { PlaceOrder } from "#exchange/core/commands.ts";
import { ORDERS_PER_BATCH_MAX } from "#exchange/core/market/batch.ts";
import { CANCEL_AFTER_MS_MAX, CANCEL_AFTER_MS_MIN } from "#exchange/core/market/dead-man.ts";
import { NAME_LENGTH_MAX } from "#exchange/core/market/order-terms.ts";
import { QUOTES_PER_SET_MAX } from "#exchange/core/market/quote-checks.ts";
import { GROUP_WINDOW_MS_MAX } from "#exchange/core/market/quote-groups.ts";
import { ERRORS, type Refusal } from "#exchange/errors.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import { listedOf } from "./markets.ts";
import {
  OrderFields,
  orderCommand,
  readOrderBody,
  readPrice,
  readQuantity,
} from "./order-request.ts";
import { CancelledAnswer } from "./schemas/orders.ts";
import { BatchAnswer, QuoteGroupAnswer, QuotesAnswer, SwitchAnswer } from "./schemas/quoting.ts";
import { SentPrice, SentUnits } from "./schemas/values.ts";
import { callerOf } from "./scope.ts";

const CLOSED = { additionalProperties: false };
const Name = Type.String({ minLength: 1, maxLength: NAME_LENGTH_MAX });
const tag = "orders" as const;

const readBatch = bodyReader(
  Type.Object(
    {
      orders: Type.Array(Type.Object(OrderFields, CLOSED), {
        minItems: 1,
        maxItems: ORDERS_PER_BATCH_MAX,
      }),
    },
    CLOSED,
  ),
);
const readQuotes = bodyReader(
  Type.Object(
    {
      quotes: Type.Array(Type.Object({ price: SentPrice, quantity: SentUnits }, CLOSED), {
        maxItems: QUOTES_PER_SET_MAX,
      }),
      quote_group: Type.Optional(Name),
      session: Type.Optional(Name),
    },
    CLOSED,
  ),
);
const readGroup = bodyReader(
  Type.Object(
    {
      max_quantity: SentUnits,
      window_ms: Type.Integer({ minimum: 1, maximum: GROUP_WINDOW_MS_MAX }),
    },
    CLOSED,
  ),
);
const readSwitch = bodyReader(
  Type.Object(
    {
      timeout_ms: Type.Union([
        Type.Literal(0),
        Type.Integer({ minimum: CANCEL_AFTER_MS_MIN, maximum: CANCEL_AFTER_MS_MAX }),
      ]),
    },
    CLOSED,
  ),
);

const BATCH = described({
  tag,
  summary: "Places orders one after another; one that is refused stops none of the others",
  body: readBatch.schema,
  answer: BatchAnswer,
});
const QUOTES = described({
  tag,
  summary: "A supplier's asks in one market as they shall be; what is not named ends",
  notes: "An ask that is among them already keeps its place.",
  body: readQuotes.schema,
  answer: QuotesAnswer,
  errors: ["market-not-found", "insufficient-units", "insufficient-bond", "quote-group-tripped"],
});
const GROUP = described({
  tag,
  summary: "Limits what the quotes of a group may fill within a time, or arms it again",
  body: readGroup.schema,
  answer: QuoteGroupAnswer,
  errors: ["market-not-found", "invalid-quantity"],
});
const SWITCH = described({
  tag,
  summary:
    "Dead man's switch: cancels every order of the caller unless it is repeated; 0 takes it back",
  body: readSwitch.schema,
  answer: SwitchAnswer,
});
const END_SESSION = described({
  tag,
  summary: "Cancels the orders that were placed with that `session`",
  answer: CancelledAnswer,
});

export async function quotingRoutes(
  app: FastifyInstance,
  { shell }: { shell: Shell },
): Promise<void> {
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

  app.post("/orders/batch", BATCH, async (request, reply) => {
    const account = callerOf(request);
    const read = readBatch(request.body).orders.map((body) => commandOrRefusal(account, body));
    const orders = read.filter((each) => !(each instanceof Refused)) as PlaceOrder[];
    // Nothing to place: what is wrong with each is known already.
    const { results } =
      orders.length === 0
        ? { results: [] }
        : await runCommand(shell, reply, { type: "place-orders", account, orders });
    const placed = results.values();
    const views = read.map((each) => {
      if (each instanceof Refused) return refusalView(each.refusal, each.message, each.details);
      const outcome = placed.next().value;
      if (outcome === undefined) throw new Error("a batch was answered in part");
      if (!outcome.ok) {
        const { code, message } = outcome.rejection;
        return refusalView(
          code,
          message,
          "details" in outcome.rejection ? outcome.rejection.details : undefined,
        );
      }
      const { order, clientOrderId } = outcome.result;
      return {
        order_id: publicId("order", order),
        client_order_id: clientOrderId,
        error: null,
      };
    });
    return { data: { results: views } };
  });

  app.put<{ Params: { id: string } }>("/markets/:id/quotes", QUOTES, async (request, reply) => {
    const account = callerOf(request);
    const { instrument } = listedOf(shell.state, request.params.id);
    const { quotes, quote_group: group, session } = readQuotes(request.body);
    const { orders, kept, placed, cancelled } = await runCommand(shell, reply, {
      type: "replace-quotes",
      account,
      symbol: instrument.symbol,
      quotes: quotes.map(({ price, quantity }) => ({
        priceTicks: readPrice(instrument, price),
        quantity: readQuantity(instrument, quantity),
      })),
      group,
      session,
    });
    const order_ids = orders.map((number) => publicId("order", number));
    return { data: { order_ids, kept, placed, cancelled } };
  });

  app.put<{ Params: { id: string; group: string } }>(
    "/markets/:id/quote-groups/:group",
    GROUP,
    async (request, reply) => {
      const account = callerOf(request);
      const { instrument } = listedOf(shell.state, request.params.id);
      const { max_quantity, window_ms: windowMs } = readGroup(request.body);
      const quantityMax = readQuantity(instrument, max_quantity);
      const { symbol } = instrument;
      const { group } = request.params;
      await runCommand(shell, reply, {
        ...{ type: "set-quote-group", account, symbol, group, quantityMax, windowMs },
      });
      return {
        data: { quote_group: group, max_quantity: String(max_quantity), window_ms: windowMs },
      };
    },
  );

  app.post("/orders/cancel-after", SWITCH, async (request, reply) => {
    const { timeout_ms: afterMs } = readSwitch(request.body);
    const command = { type: "cancel-after" as const, account: callerOf(request), afterMs };
    const { cancelsAtMs } = await runCommand(shell, reply, command);
    return { data: { cancels_at: iso(cancelsAtMs) } };
  });

  app.delete<{ Params: { session: string } }>(
    "/sessions/:session/orders",
    END_SESSION,
    async (request, reply) => {
      const account = callerOf(request);
      const { session } = request.params;
      const command = { type: "cancel-session-orders" as const, account, session };
      return { data: await runCommand(shell, reply, command) };
    },
  );

  function commandOrRefusal(account: number, body: unknown): PlaceOrder | Refused {
    try {
      const order = readOrderBody(body);
      const client_order_id = order.client_order_id ?? null;
      const listed = listedOf(shell.state, order.market_id);
      const { type: _type, ...placed } = orderCommand(account, listed, {
        ...order,
        client_order_id,
      });
      return placed;
    } catch (error) {
      if (error instanceof Refused) return error;
      throw error;
    }
  }
}

function refusalView(refusal: Refusal, message: string, details?: object): object {
  const { code, message: usual } = ERRORS[refusal];
  const error = { code, message: message === "" ? usual : message };
  return {
    order_id: null,
    client_order_id: null,
    error: details === undefined ? error : { ...error, details },
  };
}
