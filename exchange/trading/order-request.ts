/** An order as clients send it, read into the core's command. Every bad number is named for what it is. */
import { Type } from "typebox";
import type { PlaceOrder } from "#exchange/core/commands.ts";
import type { InstrumentState } from "#exchange/core/state.ts";
import { Refused } from "#exchange/http.ts";
import { bodyReader, shown } from "#exchange/request-body.ts";
import { parsePrice, parseQuantity } from "#protocol/quotation.ts";
import { MarketName, SentPrice, SentUnits } from "./schemas/values.ts";

/** Ids that clients may choose; the same pattern as on the supplier link. */
const CLIENT_ORDER_ID = "^[A-Za-z0-9._:-]{1,64}$";

/** Numbers are checked by hand, so that what is wrong with one gets its own code and words. */
export const readOrderBody = bodyReader(
  Type.Object(
    {
      market_id: MarketName,
      side: Type.Enum(["buy", "sell"]),
      type: Type.Enum(["limit", "market", "stop", "stop_limit"]),
      quantity: SentUnits,
      price: Type.Optional(SentPrice),
      stop_price: Type.Optional(SentPrice),
      time_in_force: Type.Optional(Type.Enum(["gtc", "ioc", "fok", "day", "gtd"])),
      client_order_id: Type.Optional(Type.String({ pattern: CLIENT_ORDER_ID })),
      post_only: Type.Optional(Type.Boolean()),
      reduce_only: Type.Optional(Type.Boolean()),
      max_slippage_bps: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
    },
    { additionalProperties: false },
  ),
);
/** As it was read; the name may come from elsewhere. */
export type OrderBody = Omit<ReturnType<typeof readOrderBody>, "client_order_id"> & {
  client_order_id: string | null;
};

/** The command for an order on that instrument; throws the refusal. */
export function orderCommand(
  account: number,
  { instrument }: InstrumentState,
  body: OrderBody,
): { type: "place-order" } & PlaceOrder {
  const { type, time_in_force: timeInForce = "gtc" } = body;
  if (type === "stop" || type === "stop_limit" || body.stop_price !== undefined) {
    throw badOrder("type", "stop orders are not offered; use limit or market");
  }
  if (timeInForce === "day" || timeInForce === "gtd") {
    throw badOrder("time_in_force", `${timeInForce} is not offered; use gtc, ioc or fok`);
  }
  if (body.reduce_only === true) {
    throw badOrder("reduce_only", "not offered; an ask never sells more Units than are free");
  }
  if (type === "limit" && body.price === undefined) {
    throw new Refused("invalid-price", "price is missing; a limit order needs one", {
      field: "price",
    });
  }
  if (type === "limit" && body.max_slippage_bps !== undefined) {
    throw badOrder("max_slippage_bps", "only market orders take it; a limit has its price");
  }
  return {
    type: "place-order",
    account,
    symbol: instrument.symbol,
    side: body.side,
    orderType: type,
    // What a market order does not fill ends at once, whatever the default of the client.
    timeInForce: type === "market" && timeInForce === "gtc" ? "ioc" : timeInForce,
    quantity: readQuantity(instrument, body.quantity),
    priceTicks: body.price === undefined ? null : readPrice(instrument, body.price),
    maxSlippageBps: body.max_slippage_bps ?? null,
    postOnly: body.post_only ?? false,
    clientOrderId: body.client_order_id,
    issueMissing: false,
  };
}

/** Units, as a decimal string or a whole JSON number, in increments; throws `invalid-quantity`. */
export function readQuantity(instrument: InstrumentState["instrument"], value: unknown): number {
  const refuse = (message: string) =>
    new Refused("invalid-quantity", message, { field: "quantity" });
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw refuse(
      `quantity is the JSON number ${value}; write it as a decimal string like "0.05", only whole numbers may go without quotes`,
    );
  }
  if (typeof value !== "number" && typeof value !== "string") {
    throw refuse(`quantity is ${shown(value)}, expected Units as a decimal string like "1.5"`);
  }
  const parsed = parseQuantity(instrument, String(value));
  if (!parsed.ok) throw refuse(parsed.reason);
  return parsed.value;
}

function readPrice(instrument: InstrumentState["instrument"], value: unknown): number {
  const refuse = (message: string) => new Refused("invalid-price", message, { field: "price" });
  if (typeof value !== "string") {
    throw refuse(
      `price is ${shown(value)}, expected dollars per Unit as a decimal string like "1.25"`,
    );
  }
  const parsed = parsePrice(instrument, value);
  if (!parsed.ok) throw refuse(parsed.reason);
  return parsed.value;
}

function badOrder(field: string, message: string): Refused {
  return new Refused("invalid-order", `${field}: ${message}`, { field });
}
