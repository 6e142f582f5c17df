/** The published shapes of the trading API: instruments, markets, books, orders and balances as decimals and public ids. */

import { type BookSide, BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import {
  type FillRecord,
  type OrderRecord,
  statusWord,
  type TradeRecord,
} from "#exchange/history/records.ts";
import { publicId } from "#protocol/ids.ts";
import type { Instrument } from "#protocol/instrument.ts";
import { formatMicros } from "#protocol/money.ts";
import { formatPrice, formatQuantity } from "#protocol/quotation.ts";
import { balanceId } from "./balance-ids.ts";
import type { Day } from "./day.ts";
import { INSTRUMENT_NOT_KEPT, MARKET_NOT_KEPT, STATS_NOT_KEPT } from "./schemas/markets.ts";

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

export function instrumentView(
  { number, instrument, ...market }: InstrumentState,
  day: Day,
): object {
  return {
    instrument_id: publicId("instrument", number),
    symbol: instrument.symbol,
    name: instrument.name,
    instrument_type: "ai_commodity",
    description: instrument.description,
    status: "active",
    basic_info: { service_type: "inference" },
    ai_specs: {
      context_window: instrument.contextTokensMin,
      token_throughput: instrument.tokensPerSecondMin,
      tokens_per_unit: 1_000_000,
      unit_definition: "1,000,000 tokens, input and output alike, in the reference tokenizer",
      qualifying_models: [],
      max_output_length: instrument.outputTokensMin,
      reference_tokenizer: instrument.referenceTokenizer,
    },
    sla_requirements: {
      availability_target: instrument.uptimeMin * 100,
      max_latency_ms: instrument.firstTokenMsMax,
      quality_score_min: instrument.qualityScoreMin,
      error_rate_max: instrument.errorRateMax,
    },
    trading_params: {
      min_quantity: formatQuantity(instrument, 1),
      max_quantity: formatQuantity(instrument, instrument.orderIncrementsMax),
      quantity_increment: formatQuantity(instrument, 1),
    },
    last_trade_price: priceOrNull(instrument, market.lastPriceTicks),
    last_trade_at: iso(market.lastTradeAtMs),
    price_range_24h_high: priceOrNull(instrument, day.highTicks),
    price_range_24h_low: priceOrNull(instrument, day.lowTicks),
    volume_24h: formatQuantity(instrument, day.quantity),
    total_volume: formatQuantity(instrument, market.totalQuantity),
    total_trades: market.totalTrades,
    ...INSTRUMENT_NOT_KEPT.view,
  };
}

const priceOrNull = (instrument: Instrument, ticks: number | null) =>
  ticks === null ? null : formatPrice(instrument, ticks);
const marketName = ({ symbol }: Instrument) => `${symbol}/usd`;

export function marketView({ number, instrument }: InstrumentState): object {
  return {
    market_id: publicId("market", number),
    name: marketName(instrument),
    description: instrument.description,
    market_type: "spot",
    status: "active",
    associated_instruments: [publicId("instrument", number)],
    instruments: [
      {
        instrument_id: publicId("instrument", number),
        instrument_type: "ai_commodity",
        symbol: instrument.symbol,
      },
    ],
    order_controls: {
      tick_size: formatPrice(instrument, 1),
      lot_size: formatQuantity(instrument, 1),
      min_order_size: formatQuantity(instrument, 1),
    },
    ...MARKET_NOT_KEPT.view,
  };
}

export function tickerView(
  state: CoreState,
  { number, instrument, book, ...market }: InstrumentState,
  day: Day,
): object {
  const price = (ticks: number | null) => priceOrNull(instrument, ticks);
  const lastQuantity =
    market.lastQuantity === null ? null : formatQuantity(instrument, market.lastQuantity);
  const bid = price(book.bestPriceTicks(BUY));
  const ask = price(book.bestPriceTicks(SELL));
  const change = changeView(instrument, market.lastPriceTicks, day);
  return {
    market_id: publicId("market", number),
    last_price: price(market.lastPriceTicks),
    last_trade_quantity: lastQuantity,
    last_trade_size: lastQuantity,
    last_trade_timestamp: iso(market.lastTradeAtMs),
    highest_bid: bid,
    lowest_ask: ask,
    bid,
    ask,
    volume_24h: formatQuantity(instrument, day.quantity),
    high_24h: price(day.highTicks),
    low_24h: price(day.lowTicks),
    price_change_24h: change.price,
    price_change_percent_24h: change.percent,
    timestamp: iso(state.nowMs),
  };
}

export function statsView({ number, instrument, ...market }: InstrumentState, day: Day): object {
  const change = changeView(instrument, market.lastPriceTicks, day);
  return {
    market_id: publicId("market", number),
    current_price: priceOrNull(instrument, market.lastPriceTicks),
    price_change_24h: change.price,
    price_change_24h_percent: change.percent,
    high_24h: priceOrNull(instrument, day.highTicks),
    low_24h: priceOrNull(instrument, day.lowTicks),
    volume_24h: formatQuantity(instrument, day.quantity),
    volume_24h_tokens: day.quantity * instrument.incrementTokens,
    trades_24h: day.trades,
    ...STATS_NOT_KEPT.view,
  };
}

/** From the first to the last trade of the day; null when nothing was traded in it. */
function changeView(
  instrument: Instrument,
  lastTicks: number | null,
  { openTicks }: Day,
): { price: string | null; percent: string | null } {
  if (lastTicks === null || openTicks === null) return { price: null, percent: null };
  const change = lastTicks - openTicks;
  const sign = change < 0 ? "-" : "";
  return {
    price: sign + formatPrice(instrument, Math.abs(change)),
    percent: ((100 * change) / openTicks).toFixed(2),
  };
}

/** The book from the best prices outward, under both published pairs of names. */
export function bookView(
  state: CoreState,
  { number, instrument, book }: InstrumentState,
  levels: number,
): object {
  const rows = (side: BookSide) => {
    let total = 0;
    return book.depth(side, levels).map((level) => {
      total += level.quantity;
      return {
        price: formatPrice(instrument, level.priceTicks),
        quantity: formatQuantity(instrument, level.quantity),
        total: formatQuantity(instrument, total),
        order_count: level.orders,
      };
    });
  };
  const bids = rows(BUY);
  const asks = rows(SELL);
  return {
    market_id: publicId("market", number),
    buy: bids,
    sell: asks,
    bids,
    asks,
    timestamp: iso(state.nowMs),
    sequence: state.seq,
  };
}

/** How a row names its market and instrument. */
function marketNames({ number, instrument }: InstrumentState): object {
  return {
    market_id: publicId("market", number),
    market_name: marketName(instrument),
    instrument_id: publicId("instrument", number),
    instrument_symbol: instrument.symbol,
  };
}

export function orderView(listed: InstrumentState, order: OrderRecord): object {
  const { instrument } = listed;
  return {
    order_id: publicId("order", order.number),
    ...marketNames(listed),
    trader_id: publicId("account", order.account),
    side: order.side,
    type: order.orderType,
    status: statusWord(order),
    quantity: formatQuantity(instrument, order.quantity),
    filled_quantity: formatQuantity(instrument, order.filled),
    price: hasNoPrice(order) ? null : formatPrice(instrument, order.priceTicks),
    average_price: averagePrice(listed, order),
    stop_price: priceOrNull(instrument, order.terms?.stopTicks ?? null),
    fee: formatMicros(order.feeMicros),
    time_in_force: order.timeInForce,
    client_order_id: order.clientOrderId,
    post_only: order.postOnly,
    reduce_only: order.terms?.reduceOnly ?? false,
    self_trade_prevention: (order.terms?.selfTrade ?? "cancel-newest").replace("-", "_"),
    expires_at: iso(order.terms?.expiresAtMs ?? null),
    closure_reason: order.closureReason,
    closed_at: iso(order.closedAtMs),
    submitted_at: iso(order.placedAtMs),
    created_at: iso(order.placedAtMs),
    updated_at: iso(order.closedAtMs ?? order.placedAtMs),
  };
}

/** What the book holds of it is a protection price, which is nobody's wish. */
function hasNoPrice({ orderType }: Pick<OrderRecord, "orderType">): boolean {
  return orderType === "market" || orderType === "stop";
}

/** Paid per Unit on average, rounded to the nearest micro-dollar; null before the first fill. */
export function averagePrice(
  { instrument }: Pick<InstrumentState, "instrument">,
  order: Pick<OrderRecord, "filled" | "valueMicros">,
): string | null {
  if (order.filled === 0) return null;
  const tokens = BigInt(order.filled * instrument.incrementTokens);
  return formatMicros((order.valueMicros * 1_000_000n + tokens / 2n) / tokens);
}

/** A trade as everybody sees it: the side is the taker's, nobody is named. */
export function publicTradeView(
  { number, instrument }: InstrumentState,
  trade: TradeRecord,
): object {
  return {
    trade_id: publicId("trade", trade.number),
    market_id: publicId("market", number),
    price: formatPrice(instrument, trade.priceTicks),
    quantity: formatQuantity(instrument, trade.quantity),
    side: trade.takerSide,
    execution_timestamp: iso(trade.atMs),
  };
}

/** A trade as one of its parties sees it. It settles as it executes. */
export function fillView(listed: InstrumentState, { side, trade }: FillRecord): object {
  return {
    ...publicTradeView(listed, trade),
    ...marketNames(listed),
    side,
    total_value: formatMicros(trade.valueMicros),
    fee: formatMicros(side === "buy" ? trade.buyerFeeMicros : trade.sellerFeeMicros),
    status: "settled",
    settlement_timestamp: iso(trade.atMs),
    order_id: publicId("order", side === "buy" ? trade.buyOrder : trade.sellOrder),
    trading_account_id: balanceId(
      "trading_account",
      side === "buy" ? trade.buyer : trade.seller,
      listed.number,
    ),
  };
}

/** The three published balances of an account, whatever it counts. */
export function balancesView(
  total: bigint,
  locked: bigint,
  show: (amount: bigint) => string,
): object {
  return {
    total_balance: show(total),
    available_balance: show(total - locked),
    locked_balance: show(locked),
  };
}
