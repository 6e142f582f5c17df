/** Statements as the trading API answers them. */
import { Type } from "typebox";
import { Answer, Count, Decimal, Text } from "./values.ts";

const Asset = Type.String({ description: "USD, or an instrument's symbol" });
const Place = Type.String({
  description:
    "available, bond, pending, holdback or owed money; escrow and tokens in Lots; issued Units, and issuer for those owed",
});
const Amount = Decimal("US dollars, or Units of the instrument");

export const StatementAnswer = Answer({
  from: Text,
  to: Text,
  balances: Type.Array(Answer({ asset: Asset, place: Place, opening: Amount, closing: Amount })),
  lines: Type.Array(
    Answer({
      asset: Asset,
      place: Place,
      kind: Type.String({ description: "the kind of event that moved it" }),
      movements: Count,
      came_in: Amount,
      went_out: Amount,
    }),
  ),
});
