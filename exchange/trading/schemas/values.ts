/** The values that answers are made of: decimals as strings, times, public ids, and what may be null. */
import { type TSchema, Type } from "typebox";
import { type IdKind, publicId } from "#protocol/ids.ts";

/** Units, money and prices are decimal strings, never JSON numbers. */
export const Decimal = (description: string) =>
  Type.String({ pattern: "^-?\\d+(\\.\\d+)?$", description, examples: ["1.25"] });
export const Units = Decimal("Units of 1,000,000 tokens");
export const Dollars = Decimal("US dollars, to the micro-dollar");
export const Price = Decimal("US dollars per Unit, with the places of the tick");
export const Time = Type.String({ format: "date-time", description: "ISO 8601, UTC" });
export const Count = Type.Integer({ minimum: 0 });
export const Text = Type.String();

export const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);

/** A public id of that kind. */
export const Id = (kind: IdKind) =>
  Type.String({
    pattern: `^${publicId(kind, 0).split("_")[0]}_[0-9a-f-]{36}$`,
    examples: [publicId(kind, 1)],
  });
/** A balance of an account: one per instrument, or of money. */
export const BalanceId = Type.String({ pattern: "^[a-z]+(_[a-z]+)*_[0-9a-f]{16}$" });
export const Side = Type.Enum(["buy", "sell"]);
/** Names a market or an instrument: a public id with `_` or `-`, or the symbol. */
export const MarketName = Type.String({
  maxLength: 80,
  description: "market id, instrument id (with `_` or `-`) or symbol",
  examples: ["text-prime"],
});
/** A quantity as clients send it; what is wrong with one gets its own refusal. */
export const SentUnits = Type.Unknown({
  description: 'Units: a decimal string like "0.05", or a whole JSON number',
  examples: ["0.05"],
});
export const SentPrice = Type.Unknown({
  description: 'dollars per Unit: a decimal string like "1.25"',
  examples: ["1.25"],
});

/** Published fields that we do not keep: they are there and null, so that a client finds what it reads. */
export function notKept<N extends string>(
  names: readonly N[],
): {
  schema: Record<N, TSchema>;
  view: Record<N, null>;
} {
  const schema = Type.Null({ description: "published, and not kept here" });
  const of = <V>(value: V) =>
    Object.fromEntries(names.map((name) => [name, value])) as Record<N, V>;
  return { schema: of(schema as TSchema), view: of(null) };
}

/** Answers say all of their fields. */
export const Answer = <P extends Record<string, TSchema>>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

export const Balances = {
  total_balance: Decimal("available and locked"),
  available_balance: Decimal("what may be spent, sold or moved"),
  locked_balance: Decimal("held for open orders and requests"),
};
