/** The query parameters of lists: what each is, in one place, for the reader of queries and the reference. */
import { type TSchema, Type } from "typebox";
import { PAGE_LIMIT_MAX } from "#exchange/history/listing.ts";
import { MarketName, Side, Time } from "./values.ts";

export const LIMIT_DEFAULT = 50;

const text = (description: string) => Type.String({ description });

const Pages = {
  limit: Type.Integer({ minimum: 1, maximum: PAGE_LIMIT_MAX, default: LIMIT_DEFAULT }),
  next: text("`paging.next_cursor` of the page before; excludes `prev`"),
  prev: text("`paging.prev_cursor` of the page after; excludes `next`"),
  order_by: text("any published name of a row's time; all name the order in which rows came to be"),
  order_direction: Type.Enum(["asc", "desc"], { default: "asc" }),
};

const FILTERS = {
  market_id: MarketName,
  instrument_id: MarketName,
  trader_id: text("the caller's own user id"),
  side: Side,
  client_order_id: text("the caller's name of an order"),
  order_id: text("an order's public id"),
  trade_id: text("a trade's public id"),
  start_datetime: Time,
  end_datetime: Time,
} satisfies Record<string, TSchema>;

export type FilterName = keyof typeof FILTERS;

/** The parameters of a list that can be filtered by those names. */
export function listParameters(
  names: readonly FilterName[],
  more: Record<string, TSchema> = {},
): Record<string, TSchema> {
  const filters = Object.fromEntries(names.map((name) => [name, FILTERS[name]]));
  return { ...filters, ...more, ...Pages };
}
