/** Transfers and Lots as the trading API answers them. */
import { Type } from "typebox";
import { Answer, BalanceId, Dollars, Id, Nullable, Price, Text, Time, Units } from "./values.ts";

export { TransferAnswer } from "./supply.ts";

export const TransferHistoryAnswer = Answer({
  id: Id("transfer"),
  transfer_id: Id("transfer"),
  market_id: Id("market"),
  instrument_id: Id("instrument"),
  instrument_name: Text,
  sender_account_id: BalanceId,
  account_id: BalanceId,
  quantity: Units,
  reason: Type.Enum(["request", "sweep", "auto_transfer"]),
  transferred_at: Time,
});

export const LotAnswer = Answer({
  lot_id: Id("lot"),
  instrument_id: Id("instrument"),
  instrument_symbol: Text,
  trade_id: Id("trade"),
  place: Type.Enum(["trading", "consumption"]),
  quantity: Units,
  used: Units,
  remaining: Units,
  purchase_price: Price,
  currency: Type.Enum(["USD"]),
  status: Type.Enum(["active", "expired", "consumed"]),
  refunded: Dollars,
  purchased_at: Time,
  entered_consumption_at: Nullable(Time),
  expires_at: Nullable(Time),
  closed_at: Nullable(Time),
});
