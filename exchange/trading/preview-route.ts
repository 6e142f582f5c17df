/** `POST /orders/preview`: what an order would do now. Places nothing, and promises nothing for later. */
import type { FastifyInstance } from "fastify";
import { type OrderPreview, previewOrder } from "#exchange/core/market/preview.ts";
import { Refused } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import type { Shell } from "#exchange/shell.ts";
import type { Instrument } from "#protocol/instrument.ts";
import { formatMicros, formatUnits } from "#protocol/money.ts";
import { formatPrice, formatQuantity } from "#protocol/quotation.ts";
import { listedOf } from "./markets.ts";
import { orderCommand, readOrderBody } from "./order-request.ts";
import { PreviewAnswer } from "./schemas/quoting.ts";
import { callerOf, readData } from "./scope.ts";

const PREVIEW = described({
  tag: "orders",
  summary: "What an order would do now; it is refused as the order would be",
  body: readOrderBody.schema,
  answer: PreviewAnswer,
  errors: ["insufficient-balance", "insufficient-units", "insufficient-bond", "invalid-order"],
});

export async function previewRoute(
  app: FastifyInstance,
  { shell }: { shell: Shell },
): Promise<void> {
  app.post("/orders/preview", PREVIEW, (request, reply) => {
    const account = callerOf(request);
    const body = readOrderBody(request.body);
    const client_order_id = body.client_order_id ?? null;
    return readData(shell, reply, (state) => {
      const listed = listedOf(state, body.market_id);
      const order = orderCommand(account, listed, { ...body, client_order_id });
      const outcome = previewOrder(state, order, state.nowMs);
      if (outcome.ok) return previewView(listed.instrument, outcome.preview);
      const { code, message } = outcome.rejection;
      throw new Refused(code, message);
    });
  });
}

function previewView(instrument: Instrument, preview: OrderPreview): object {
  const { holds } = preview;
  return {
    quantity: formatQuantity(instrument, preview.quantity),
    limit_price: formatPrice(instrument, preview.limitTicks),
    fills: preview.fills.map(({ priceTicks, quantity }) => ({
      price: formatPrice(instrument, priceTicks),
      quantity: formatQuantity(instrument, quantity),
    })),
    filled_quantity: formatQuantity(instrument, preview.filledQuantity),
    total_value: formatMicros(preview.valueMicros),
    fee: formatMicros(preview.feeMicros),
    resting_quantity: formatQuantity(instrument, preview.restingQuantity),
    closure_reason: preview.endsAs,
    holds: {
      usd: formatMicros(holds.moneyMicros),
      quantity: formatUnits(holds.tokens),
      issued: formatUnits(holds.issuedTokens),
      bond: formatMicros(holds.bondMicros),
    },
  };
}
