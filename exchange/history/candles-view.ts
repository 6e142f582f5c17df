/** A candle in its published form. */
import type { InstrumentState } from "#exchange/core/state.ts";
import { publicId } from "#protocol/ids.ts";
import { formatPrice, formatQuantity } from "#protocol/quotation.ts";
import type { Candle } from "./candles.ts";
import type { Resolution } from "./candles-times.ts";

/** `time` is when it began, in unix seconds, as in the query's `from` and `to`; volume is Units. */
export function candleView(
  { number, instrument }: Pick<InstrumentState, "number" | "instrument">,
  resolution: Resolution,
  candle: Candle,
): object {
  return {
    market_id: publicId("market", number),
    resolution,
    time: candle.startMs / 1_000,
    open: formatPrice(instrument, candle.open),
    high: formatPrice(instrument, candle.high),
    low: formatPrice(instrument, candle.low),
    close: formatPrice(instrument, candle.close),
    volume: formatQuantity(instrument, candle.quantity),
    trade_count: candle.trades,
  };
}
