/** The published fields of stream events: orders, trades and tickers as decimals and public ids. */
import type { EventOf } from "#exchange/core/events.ts";
import type { Lot } from "#exchange/core/state.ts";
import { statusWord } from "#exchange/history/records.ts";
import { balanceId } from "#exchange/trading/balance-ids.ts";
import { averagePrice } from "#exchange/trading/views.ts";
import { publicId } from "#protocol/ids.ts";
import { formatUnits } from "#protocol/money.ts";
import { formatPrice, formatQuantity } from "#protocol/quotation.ts";
import type { DurableMarket, DurableOrder } from "./durable-market.ts";

type Listed = Pick<DurableMarket, "number" | "instrument">;

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

export function streamedOrder(listed: Listed, order: DurableOrder): object {
  const { number, instrument } = listed;
  return {
    order_id: publicId("order", order.number),
    client_order_id: order.clientOrderId,
    market_id: publicId("market", number),
    trading_account_id: balanceId("trading_account", order.account, number),
    side: order.side,
    order_type: order.orderType,
    status: statusWord(order),
    original_quantity: formatQuantity(instrument, order.quantity),
    remaining_quantity: formatQuantity(instrument, order.quantity - order.filled),
    filled_quantity: formatQuantity(instrument, order.filled),
    price: canRestAt(order) ? formatPrice(instrument, order.priceTicks) : null,
    stop_price: order.stopTicks === null ? null : formatPrice(instrument, order.stopTicks),
    average_fill_price: averagePrice(listed, order),
    closure_reason: order.closureReason,
    created_at: iso(order.placedAtMs),
    updated_at: iso(order.updatedAtMs),
  };
}

/** Whether its price is one that its owner named, and not a protection price of ours. */
function canRestAt({ orderType }: DurableOrder): boolean {
  return orderType === "limit" || orderType === "stop_limit";
}

/** The side is the taker's. */
export function streamedTrade({ number, instrument }: Listed, trade: EventOf<"trade">): object {
  return {
    trade_id: publicId("trade", trade.trade),
    market_id: publicId("market", number),
    price: formatPrice(instrument, trade.priceTicks),
    quantity: formatQuantity(instrument, trade.quantity),
    side: trade.takerSide,
    executed_at: iso(trade.atMs),
    maker_order_id: publicId("order", trade.makerOrder),
    taker_order_id: publicId("order", trade.takerOrder),
  };
}

/** An open Lot as its owner sees it; quantities are Units. */
export function streamedLot({ number, instrument }: Listed, lot: Lot): object {
  const left = lot.tokens - lot.usedTokens;
  return {
    lot_id: publicId("lot", lot.number),
    market_id: publicId("market", number),
    status: "active",
    account: lot.tradingSinceMs === null ? "consumption" : "trading",
    quantity: formatUnits(lot.tokens),
    used: formatUnits(lot.usedTokens),
    remaining: formatUnits(left),
    reserved: formatUnits(left - lot.freeTokens),
    purchase_price: formatPrice(instrument, lot.costTicks),
    purchased_at: iso(lot.boughtAtMs),
    expires_at: iso(lot.expiresAtMs),
  };
}
