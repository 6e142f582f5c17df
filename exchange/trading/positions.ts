/** Positions: the Units an account holds in each market, what they cost, and what they would fetch. */
import { lotTokens } from "#exchange/core/ledger/account-names.ts";
import type { CoreState, InstrumentState, Lot } from "#exchange/core/state.ts";
import { publicId } from "#protocol/ids.ts";
import { formatMicros, formatUnits } from "#protocol/money.ts";
import { formatPrice } from "#protocol/quotation.ts";
import { lotsOf } from "./lot-sums.ts";

const TOKENS_PER_UNIT = 1_000_000n;

/** One row per market in which the account holds bought Units, in Trading or in Consumption. */
export function positionsView(state: CoreState, account: number): object[] {
  return [...state.instruments.values()].flatMap((listed) => {
    const lots = lotsOf(state, account, listed.instrument.symbol);
    return lots.length === 0 ? [] : [positionView(state, listed, lots)];
  });
}

/** Cost is tokens left at the price they were bought at, fees aside, rounded down per position. */
function positionView(
  state: CoreState,
  { number, instrument, lastPriceTicks }: InstrumentState,
  lots: readonly Lot[],
): object {
  let tokens = 0n;
  let costTimesUnit = 0n;
  let openedAtMs = Number.POSITIVE_INFINITY;
  const tick = BigInt(instrument.tickMicrosPerUnit);
  for (const lot of lots) {
    const left = state.ledger.balance(lotTokens(lot.number, lot.symbol));
    tokens += left;
    costTimesUnit += left * BigInt(lot.priceTicks) * tick;
    openedAtMs = Math.min(openedAtMs, lot.boughtAtMs);
  }
  const value =
    lastPriceTicks === null ? null : (tokens * BigInt(lastPriceTicks) * tick) / TOKENS_PER_UNIT;
  return {
    market_id: publicId("market", number),
    instrument_id: publicId("instrument", number),
    instrument_name: instrument.name,
    instrument_symbol: instrument.symbol,
    quantity: formatUnits(tokens),
    average_cost: formatMicros(tokens === 0n ? 0n : costTimesUnit / tokens),
    total_cost: formatMicros(costTimesUnit / TOKENS_PER_UNIT),
    current_market_value: value === null ? null : formatMicros(value),
    last_trade_price: lastPriceTicks === null ? null : formatPrice(instrument, lastPriceTicks),
    status: "open",
    opened_at: new Date(openedAtMs).toISOString(),
    closed_at: null,
  };
}
