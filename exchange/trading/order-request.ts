/** An order as clients send it, read into the core's command. Every bad number is named for what it is. */
import { Type } from "typebox";
import type { PlaceOrder } from "#exchange/core/commands.ts";
import type { SelfTradeMode } from "#exchange/core/market/order-terms.ts";
import type { InstrumentState } from "#exchange/core/state.ts";
import { Refused } from "#exchange/http.ts";
import { bodyReader, shown } from "#exchange/request-body.ts";
import { parsePrice, parseQuantity } from "#protocol/quotation.ts";
import { MarketName, SentPrice, SentUnits } from "./schemas/values.ts";

/** Ids that clients may choose; the same pattern as on the supplier link. */
const CLIENT_ORDER_ID = "^[A-Za-z0-9._:-]{1,64}$";

/** What an order may say beside market, side, type and quantity. */
export const ORDER_OPTIONS = {
  price: Type.Optional(SentPrice),
  stop_price: Type.Optional(SentPrice),
  time_in_force: Type.Optional(Type.Enum(["gtc", "ioc", "fok", "day", "gtd"])),
  expires_at: Type.Optional(
    Type.String({ maxLength: 40, description: "of gtd: ISO 8601; a day order ends at 00:00 UTC" }),
  ),
  client_order_id: Type.Optional(Type.String({ pattern: CLIENT_ORDER_ID })),
  post_only: Type.Optional(Type.Boolean()),
  reduce_only: Type.Optional(
    Type.Boolean({ description: "sells at most the free Units and issues none" }),
  ),
  max_slippage_bps: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 10_000,
      description: "of market and stop: tightens the protection price",
    }),
  ),
  self_trade_prevention: Type.Optional(
    Type.Enum(["cancel_newest", "cancel_oldest", "cancel_both"], { default: "cancel_newest" }),
  ),
};

export const OrderFields = {
  market_id: MarketName,
  side: Type.Enum(["buy", "sell"]),
  type: Type.Enum(["limit", "market", "stop", "stop_limit"]),
  quantity: SentUnits,
  ...ORDER_OPTIONS,
};

/** Numbers are checked by hand, so that what is wrong with one gets its own code and words. */
export const readOrderBody = bodyReader(Type.Object(OrderFields, { additionalProperties: false }));
/** As it was read; the name may come from elsewhere. */
export type OrderBody = Omit<ReturnType<typeof readOrderBody>, "client_order_id"> & {
  client_order_id: string | null;
};

const SELF_TRADE: Record<string, SelfTradeMode> = {
  cancel_newest: "cancel-newest",
  cancel_oldest: "cancel-oldest",
  cancel_both: "cancel-both",
};

/** The command for an order on that instrument; throws the refusal. */
export function orderCommand(
  account: number,
  { instrument }: InstrumentState,
  body: OrderBody,
): { type: "place-order" } & PlaceOrder {
  const { type, time_in_force: timeInForce = "gtc" } = body;
  const isStop = type === "stop" || type === "stop_limit";
  const isLimit = type === "limit" || type === "stop_limit";
  if (isLimit && body.price === undefined) {
    throw new Refused("invalid-price", `price is missing; a ${type} order needs one`, {
      field: "price",
    });
  }
  if (isLimit && body.max_slippage_bps !== undefined) {
    throw badOrder(
      "max_slippage_bps",
      "only market and stop orders take it; a limit has its price",
    );
  }
  if (isStop && body.stop_price === undefined) {
    throw new Refused("invalid-price", `stop_price is missing; a ${type} order needs one`, {
      field: "stop_price",
    });
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
    ...termsOf(instrument, body),
  };
}

/** Only what was said: an order without any needs no terms. */
function termsOf(instrument: InstrumentState["instrument"], body: OrderBody): Partial<PlaceOrder> {
  const { stop_price, expires_at, reduce_only, self_trade_prevention } = body;
  const selfTrade = SELF_TRADE[self_trade_prevention ?? ""];
  return {
    ...(stop_price !== undefined && { stopTicks: readPrice(instrument, stop_price, "stop_price") }),
    ...(expires_at !== undefined && { expiresAtMs: readTime("expires_at", expires_at) }),
    ...(reduce_only === true && { reduceOnly: true }),
    ...(selfTrade !== undefined && { selfTrade }),
  };
}

/** An ISO 8601 time in milliseconds since the epoch; throws `validation-error`. */
export function readTime(field: string, text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  const message = `${field} is ${shown(text)}, expected a time like 2026-11-24T08:00:00Z`;
  throw new Refused("validation-error", message, { field, message });
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

/** Dollars per Unit, as a decimal string, in ticks; throws `invalid-price`. */
export function readPrice(
  instrument: InstrumentState["instrument"],
  value: unknown,
  field = "price",
): number {
  const refuse = (message: string) => new Refused("invalid-price", message, { field });
  if (typeof value !== "string") {
    throw refuse(
      `${field} is ${shown(value)}, expected dollars per Unit as a decimal string like "1.25"`,
    );
  }
  const parsed = parsePrice(instrument, value);
  if (!parsed.ok) throw refuse(parsed.reason);
  return parsed.value;
}

function badOrder(field: string, message: string): Refused {
  return new Refused("invalid-order", `${field}: ${message}`, { field });
}
