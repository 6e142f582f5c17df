/** What stands beside the published orders: batches, quotes, previews, switches. */
import { Type } from "typebox";
import { Answer, Count, Dollars, Id, Nullable, Price, Text, Time, Units } from "./values.ts";

const Refusal = Answer({ code: Text, message: Text, details: Type.Optional(Type.Unknown()) });

export const BatchAnswer = Answer({
  results: Type.Array(
    Answer({
      order_id: Nullable(Id("order")),
      client_order_id: Nullable(Text),
      error: Nullable(Refusal),
    }),
    { description: "one per order, in their order" },
  ),
});

export const QuotesAnswer = Answer({
  order_ids: Type.Array(Id("order")),
  kept: Count,
  placed: Count,
  cancelled: Count,
});

export const QuoteGroupAnswer = Answer({
  quote_group: Text,
  max_quantity: Units,
  window_ms: Count,
});

export const SwitchAnswer = Answer({ cancels_at: Nullable(Time) });

export const PreviewAnswer = Answer({
  quantity: Units,
  limit_price: Price,
  fills: Type.Array(Answer({ price: Price, quantity: Units })),
  filled_quantity: Units,
  total_value: Dollars,
  fee: Dollars,
  resting_quantity: Units,
  closure_reason: Nullable(Text),
  holds: Answer({ usd: Dollars, quantity: Units, issued: Units, bond: Dollars }),
});
