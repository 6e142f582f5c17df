/** Orders and trades as the trading API answers them; the fields are The Grid's, and what we add. */
import { Type } from "typebox";
import {
  Answer,
  BalanceId,
  Count,
  Dollars,
  Id,
  Nullable,
  Price,
  Side,
  Text,
  Time,
  Units,
} from "./values.ts";

/** Every published word; we use those that our orders can be in. */
export const ORDER_STATUSES = [
  "active",
  "open",
  "pending",
  "partially_filled",
  "filled",
  "cancelled",
  "cancellation_pending",
  "rejected",
  "expired",
  "closed",
] as const;

const MarketNames = {
  market_id: Id("market"),
  market_name: Text,
  instrument_id: Id("instrument"),
  instrument_symbol: Text,
};

export const OrderAnswer = Answer({
  order_id: Id("order"),
  ...MarketNames,
  trader_id: Id("account"),
  side: Side,
  type: Type.Enum(["limit", "market", "stop", "stop_limit"]),
  status: Type.Enum([...ORDER_STATUSES]),
  quantity: Units,
  filled_quantity: Units,
  price: Nullable(Price),
  average_price: Nullable(Price),
  stop_price: Nullable(Price),
  fee: Dollars,
  time_in_force: Type.Enum(["gtc", "ioc", "fok", "day", "gtd"]),
  client_order_id: Nullable(Text),
  post_only: Type.Boolean(),
  reduce_only: Type.Boolean(),
  self_trade_prevention: Type.Enum(["cancel_newest", "cancel_oldest", "cancel_both"]),
  expires_at: Nullable(Time),
  closure_reason: Nullable(Text),
  closed_at: Nullable(Time),
  submitted_at: Time,
  created_at: Time,
  updated_at: Type.String({
    format: "date-time",
    description: "when it was closed, else when it was submitted",
  }),
});

export const CancelledAnswer = Answer({ cancelled: Count });

export const OrderCountAnswer = Answer({
  count: Count,
  by_market: Type.Array(Answer({ market_id: Id("market"), count: Count })),
});

export const PublicTradeAnswer = Answer({
  trade_id: Id("trade"),
  market_id: Id("market"),
  price: Price,
  quantity: Units,
  side: Side,
  execution_timestamp: Time,
});

export const FillAnswer = Answer({
  trade_id: Id("trade"),
  ...MarketNames,
  price: Price,
  quantity: Units,
  side: Side,
  total_value: Dollars,
  fee: Dollars,
  status: Type.Enum(["executed", "settled"]),
  execution_timestamp: Time,
  settlement_timestamp: Time,
  order_id: Id("order"),
  trading_account_id: BalanceId,
});
