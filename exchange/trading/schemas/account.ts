/** Accounts, balances, keys and limits as the trading API answers them. */
import { Type } from "typebox";
import {
  Answer,
  BalanceId,
  Balances,
  Count,
  Decimal,
  Dollars,
  Id,
  Nullable,
  notKept,
  Price,
  Text,
  Time,
  Units,
} from "./values.ts";

export const TRADING_NOT_KEPT = notKept([
  "last_trading_activity_at",
  "last_deposit_at",
  "last_withdrawal_at",
]);
export const CONSUMPTION_NOT_KEPT = notKept([
  "total_deposits",
  "total_withdrawals",
  "total_commitments",
  "total_transfers_in",
  "total_transfers_out",
  "last_deposit_at",
  "last_withdrawal_at",
  "last_commitment_at",
  "last_transfer_at",
]);

const Mode = Type.Enum(["easy", "advanced"]);

export const MeAnswer = Answer({
  user_id: Id("account"),
  email: Type.Null(),
  name: Text,
  account_mode: Mode,
  capabilities: Type.Array(Text),
});

export const AccountAnswer = Answer({
  account_id: Id("account"),
  name: Text,
  account_mode: Mode,
  status: Type.Enum(["active"]),
  created_at: Time,
});

export const LimitsAnswer = Answer({
  market_id: Nullable(Id("market")),
  order_rate_limits: Answer({
    scope: Type.Enum(["user_market"]),
    max_orders_per_second: Type.Number(),
    max_orders_per_minute: Type.Number(),
    burst_capacity: Count,
    window_seconds: Count,
  }),
  response_headers: Answer({ limit: Text, remaining: Text, retry_after: Text }),
  remaining: Type.Integer({ description: "orders that may come now, in this market" }),
  limits: Type.Record(
    Text,
    Answer({ burst_capacity: Count, per_second: Type.Number(), scope: Text }),
    { description: "every bucket: what it counts, per what" },
  ),
});

export const SigningKeyAnswer = Answer({
  id: Text,
  label: Text,
  fingerprint_prefix: Text,
  is_active: Type.Boolean(),
  created_at: Time,
  fingerprint: Type.Optional(Type.String({ description: "only when it is created" })),
});

export const ApiKeyAnswer = Answer({
  id: Text,
  name: Text,
  key: Type.Optional(Type.String({ description: "the secret: only when it is created" })),
  key_prefix: Text,
  is_active: Type.Boolean(),
  expires_at: Type.Null(),
  created_at: Time,
});

const Owner = { account_id: BalanceId, user_id: Id("account") };
const Market = {
  market_id: Id("market"),
  instrument_id: Id("instrument"),
  instrument_name: Text,
  instrument_symbol: Text,
};
const Active = Type.Enum(["active"]);

export const TradingAccountAnswer = Answer({
  ...Owner,
  ...Market,
  status: Active,
  ...Balances,
  last_trade_price: Nullable(Price),
  ...TRADING_NOT_KEPT.schema,
});

export const CurrencyAccountAnswer = Answer({
  ...Owner,
  currency: Type.Enum(["USD"]),
  status: Active,
  ...Balances,
  ...TRADING_NOT_KEPT.schema,
});

export const ConsumptionAccountAnswer = Answer({
  ...Owner,
  ...Market,
  status: Active,
  total_balance: Units,
  available_balance: Units,
  committed_balance: Decimal("Units that open requests reserve"),
  next_expiry_at: Nullable(Time),
  ...CONSUMPTION_NOT_KEPT.schema,
});

export const PositionAnswer = Answer({
  ...Market,
  quantity: Units,
  average_cost: Price,
  total_cost: Dollars,
  current_market_value: Nullable(Dollars),
  last_trade_price: Nullable(Price),
  status: Type.Enum(["open"]),
  opened_at: Time,
  closed_at: Type.Null(),
});

const Step = Answer({ part: Text, value: Text, rule: Text });
const Verdict = Type.String({ description: '"ok", or what is wrong' });

export const EchoAnswer = Answer({
  accepted: Type.Literal(false, { description: "nothing is accepted here, whatever was signed" }),
  signature_version: Type.Enum([1, 2]),
  message: Type.String({ description: "the text that this request's signature has to be over" }),
  message_bytes: Count,
  steps: Type.Array(Step),
  checks: Answer({
    headers: Verdict,
    timestamp: Verdict,
    fingerprint: Verdict,
    signature: Verdict,
    nonce: Text,
  }),
  hints: Type.Array(Text),
  server_time: Type.String({ description: "unix seconds" }),
});

export const DiagnosticsAnswer = Answer({
  status: Type.Enum(["ok", "warn", "fail"]),
  service: Text,
  server_time: Time,
  checks: Type.Array(
    Answer({
      name: Text,
      status: Type.Enum(["ok", "warn", "fail"]),
      code: Text,
      detail: Text,
      next_action: Nullable(Text),
    }),
  ),
  summary: Text,
});
