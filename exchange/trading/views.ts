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

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

export function instrumentView({ number, instrument, ...market }: InstrumentState): object {
  return {
    instrument_id: publicId("instrument", number),
    symbol: instrument.symbol,
    name: instrument.name,
    instrument_type: "ai_commodity",
    description: instrument.description,
    status: "active",
    ai_specs: {
      context_window: instrument.contextTokensMin,
      token_throughput: instrument.tokensPerSecondMin,
      tokens_per_unit: 1_000_000,
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
    last_trade_price:
      market.lastPriceTicks === null ? null : formatPrice(instrument, market.lastPriceTicks),
    last_trade_at: iso(market.lastTradeAtMs),
    total_volume: formatQuantity(instrument, market.totalQuantity),
    total_trades: market.totalTrades,
  };
}

const marketName = ({ symbol }: Instrument) => `${symbol}/usd`;

export function marketView({ number, instrument }: InstrumentState): object {
  return {
    market_id: publicId("market", number),
    name: marketName(instrument),
    description: instrument.description,
    market_type: "spot",
    status: "active",
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
  };
}

export function tickerView(
  state: CoreState,
  { number, instrument, book, ...market }: InstrumentState,
): object {
  const price = (ticks: number | null) => (ticks === null ? null : formatPrice(instrument, ticks));
  return {
    market_id: publicId("market", number),
    last_price: price(market.lastPriceTicks),
    last_trade_quantity:
      market.lastQuantity === null ? null : formatQuantity(instrument, market.lastQuantity),
    last_trade_timestamp: iso(market.lastTradeAtMs),
    highest_bid: price(book.bestPriceTicks(BUY)),
    lowest_ask: price(book.bestPriceTicks(SELL)),
    timestamp: iso(state.nowMs),
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
    price: order.orderType === "market" ? null : formatPrice(instrument, order.priceTicks),
    average_price: averagePrice(listed, order),
    stop_price: null,
    fee: formatMicros(order.feeMicros),
    time_in_force: order.timeInForce,
    client_order_id: order.clientOrderId,
    post_only: order.postOnly,
    closure_reason: order.closureReason,
    closed_at: iso(order.closedAtMs),
    submitted_at: iso(order.placedAtMs),
  };
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
