/** The published fields of each thing that the trading API answers, as their text names them. */

const BALANCES = ["total_balance", "available_balance", "locked_balance"];

export const PUBLISHED_FIELDS = {
  order: [
    ...["order_id", "market_id", "market_name", "instrument_id", "instrument_symbol", "trader_id"],
    ...["side", "type", "status", "quantity", "filled_quantity", "price", "average_price"],
    ...["stop_price", "fee", "time_in_force", "client_order_id", "closure_reason", "closed_at"],
    ...["submitted_at", "created_at", "updated_at"],
  ],
  trade: [
    ...["trade_id", "market_id", "market_name", "instrument_id", "instrument_symbol", "price"],
    ...["quantity", "total_value", "fee", "status", "side", "execution_timestamp"],
    ...["settlement_timestamp", "order_id", "trading_account_id"],
  ],
  publicTrade: ["trade_id", "market_id", "price", "quantity", "side", "execution_timestamp"],
  market: [
    ...["market_id", "name", "description", "market_type", "status", "associated_instruments"],
    ...["instruments", "created_at", "updated_at", "order_controls"],
  ],
  ticker: [
    ...["last_price", "last_trade_quantity", "last_trade_timestamp", "highest_bid", "lowest_ask"],
    ...["volume_24h", "high_24h", "low_24h", "price_change_24h", "price_change_percent_24h"],
    "timestamp",
  ],
  book: ["buy", "sell", "bids", "asks", "timestamp", "sequence"],
  level: ["price", "quantity", "total", "order_count"],
  stats: [
    ...["current_price", "price_change_24h", "price_change_24h_percent", "high_24h", "low_24h"],
    ...["volume_24h", "volume_24h_tokens", "volume_24h_value"],
  ],
  candle: [
    ...["market_id", "resolution", "time", "open", "high", "low", "close", "volume"],
    "trade_count",
  ],
  instrument: [
    ...["instrument_id", "symbol", "name", "instrument_type", "description", "status"],
    ...["basic_info", "ai_specs", "sla_requirements", "trading_params", "last_trade_price"],
    ...["last_trade_at", "last_quote_at", "price_range_24h_high", "price_range_24h_low"],
    ...["volume_24h", "total_volume", "total_trades", "total_quotes", "created_at", "updated_at"],
  ],
  tradingAccount: [
    ...["account_id", "user_id", "market_id", "instrument_id", "instrument_name", ...BALANCES],
    ...["last_trade_price", "status", "last_trading_activity_at", "last_deposit_at"],
    "last_withdrawal_at",
  ],
  currencyAccount: ["account_id", "user_id", "currency", "status", ...BALANCES],
  consumptionAccount: [
    ...["account_id", "user_id", "instrument_id", "status", "available_balance"],
    ...["committed_balance", "total_balance", "total_deposits", "total_withdrawals"],
    ...["total_commitments", "total_transfers_in", "total_transfers_out", "last_deposit_at"],
    ...["last_withdrawal_at", "last_commitment_at", "last_transfer_at"],
  ],
  position: [
    ...["quantity", "average_cost", "total_cost", "current_market_value", "last_trade_price"],
    ...["status", "opened_at", "closed_at"],
  ],
  issuanceAccount: [
    ...["issuance_account_id", "user_id", "instrument_id", "status", "total_balance"],
    ...["total_issued", "total_deposits", "total_transferred_to_trading", "total_transfers"],
    ...["last_deposit_at", "last_transfer_at"],
  ],
  issuanceSummary: [
    ...["instrument_id", "instrument_symbol", "total_issued", "units_available"],
    "units_transferred_to_trading",
  ],
  liability: [
    ...["instrument_id", "instrument_symbol", "total_liability", "fulfilled", "outstanding"],
  ],
  transfer: [
    ...["id", "transfer_id", "market_id", "instrument_id", "instrument_name"],
    ...["sender_account_id", "account_id", "quantity", "transferred_at"],
  ],
  lot: [
    ...["lot_id", "quantity", "used", "remaining", "purchase_price", "currency", "purchased_at"],
    ...["expires_at", "status"],
  ],
  me: ["email", "user_id", "account_mode", "capabilities"],
  limits: ["market_id", "order_rate_limits", "response_headers"],
  diagnostics: ["status", "service", "server_time", "checks", "summary"],
  check: ["name", "status", "code", "detail", "next_action"],
  apiKey: ["id", "name", "key_prefix", "is_active", "expires_at"],
} as const;

/** Published fields that an answer lacks. */
export function missingFields(what: keyof typeof PUBLISHED_FIELDS, answer: object): string[] {
  return PUBLISHED_FIELDS[what].filter((name) => !(name in answer));
}
