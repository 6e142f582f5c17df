/** Instruments, markets and market data as the trading API answers them. */
import { Type } from "typebox";
import { RESOLUTIONS } from "#exchange/history/candles-times.ts";
import {
  Answer,
  Count,
  Decimal,
  Id,
  Nullable,
  notKept,
  Price,
  Text,
  Time,
  Units,
} from "./values.ts";

export const INSTRUMENT_NOT_KEPT = notKept([
  "last_quote_at",
  "total_quotes",
  "created_at",
  "updated_at",
]);
export const MARKET_NOT_KEPT = notKept(["created_at", "updated_at"]);
export const STATS_NOT_KEPT = notKept(["volume_24h_value"]);

const Kind = Type.Enum(["ai_commodity", "currency"]);

export const InstrumentAnswer = Answer({
  instrument_id: Id("instrument"),
  symbol: Text,
  name: Text,
  instrument_type: Kind,
  description: Text,
  status: Type.Enum(["active", "inactive", "deprecated"]),
  basic_info: Answer({ service_type: Text }),
  ai_specs: Answer({
    context_window: Count,
    token_throughput: Type.Number(),
    tokens_per_unit: Count,
    unit_definition: Text,
    qualifying_models: Type.Array(Text),
    max_output_length: Count,
    reference_tokenizer: Text,
  }),
  sla_requirements: Answer({
    availability_target: Type.Number({ description: "per cent" }),
    max_latency_ms: Type.Number(),
    quality_score_min: Nullable(Type.Number()),
    error_rate_max: Type.Number(),
  }),
  trading_params: Answer({ min_quantity: Units, max_quantity: Units, quantity_increment: Units }),
  last_trade_price: Nullable(Price),
  last_trade_at: Nullable(Time),
  price_range_24h_high: Nullable(Price),
  price_range_24h_low: Nullable(Price),
  volume_24h: Units,
  total_volume: Units,
  total_trades: Count,
  ...INSTRUMENT_NOT_KEPT.schema,
});

export const MarketAnswer = Answer({
  market_id: Id("market"),
  name: Text,
  description: Text,
  market_type: Type.Enum(["spot"]),
  status: Type.Enum(["active", "inactive", "suspended", "closed"]),
  associated_instruments: Type.Array(Id("instrument")),
  instruments: Type.Array(
    Answer({ instrument_id: Id("instrument"), instrument_type: Kind, symbol: Text }),
  ),
  order_controls: Answer({ tick_size: Price, lot_size: Units, min_order_size: Units }),
  ...MARKET_NOT_KEPT.schema,
});

export const TickerAnswer = Answer({
  market_id: Id("market"),
  last_price: Nullable(Price),
  last_trade_quantity: Nullable(Units),
  last_trade_size: Nullable(Units),
  last_trade_timestamp: Nullable(Time),
  highest_bid: Nullable(Price),
  lowest_ask: Nullable(Price),
  bid: Nullable(Price),
  ask: Nullable(Price),
  volume_24h: Units,
  high_24h: Nullable(Price),
  low_24h: Nullable(Price),
  price_change_24h: Nullable(Price),
  price_change_percent_24h: Nullable(Decimal("per cent, two places")),
  timestamp: Time,
});

const Level = Answer({ price: Price, quantity: Units, total: Units, order_count: Count });

export const BookAnswer = Answer({
  market_id: Id("market"),
  buy: Type.Array(Level),
  sell: Type.Array(Level),
  bids: Type.Array(Level),
  asks: Type.Array(Level),
  timestamp: Time,
  sequence: Count,
});

export const StatsAnswer = Answer({
  market_id: Id("market"),
  current_price: Nullable(Price),
  price_change_24h: Nullable(Price),
  price_change_24h_percent: Nullable(Decimal("per cent, two places")),
  high_24h: Nullable(Price),
  low_24h: Nullable(Price),
  volume_24h: Units,
  volume_24h_tokens: Count,
  trades_24h: Count,
  ...STATS_NOT_KEPT.schema,
});

export const CandleAnswer = Answer({
  market_id: Id("market"),
  resolution: Type.Enum([...RESOLUTIONS]),
  time: Type.Integer({ description: "when it began, in unix seconds" }),
  open: Price,
  high: Price,
  low: Price,
  close: Price,
  volume: Units,
  trade_count: Count,
});

export const HealthAnswer = Answer({ status: Type.Enum(["ok"]), service: Text });
