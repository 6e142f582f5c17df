/** An account's settings under the published names, and ours beside them. */
import { Type } from "typebox";
import { Answer, Dollars, Id, Nullable, notKept, Price, Text, Time, Units } from "./values.ts";

const Mode = Type.Enum(["easy", "advanced"]);
/** There are no cards here, so nothing reloads by itself. */
export const RELOAD_NOT_KEPT = notKept([
  "auto_reload_threshold_usd",
  "auto_reload_amount_usd",
  "auto_reload_monthly_limit_usd",
]);

export const SettingsAnswer = Answer({
  account_mode: Mode,
  auto_transfer_enabled: Type.Boolean({ description: "bought Units enter Consumption at once" }),
  auto_buy_enabled: Type.Boolean({ description: "the exchange buys by itself" }),
  auto_buy_quantity: Units,
  auto_buy_trigger_threshold: Type.String({
    description: "Units below which a position is topped up; 0: only what a request needs",
  }),
  auto_top_up_enabled: Type.Boolean({ description: "older name of auto_buy_enabled" }),
  auto_top_up_quantity: Units,
  auto_top_up_trigger_threshold: Units,
  auto_reload_enabled: Type.Literal(false, { description: "there are no cards here" }),
  ...RELOAD_NOT_KEPT.schema,
  mode_managed_fields: Type.Array(Text, { description: "what the mode decides" }),
  price_ceilings: Type.Record(Text, Price, {
    description: "by symbol: the most that the exchange pays when it buys for the account",
  }),
  spend_cap_day_usd: Nullable(Dollars),
  spend_cap_month_usd: Nullable(Dollars),
});

export const ConsumptionInstrumentAnswer = Answer({
  instrument_id: Id("instrument"),
  instrument_name: Text,
  instrument_symbol: Text,
  total_amount: Units,
  tradeable_amount: Units,
  tokens_purchased: Type.Integer(),
  tokens_used: Type.Integer(),
  expires_at: Nullable(Time),
});
