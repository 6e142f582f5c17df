/** `GET /v1/models`: instruments as OpenAI models, with their limits and their price now. */

import { SELL } from "#exchange/core/market/order-book-port.ts";
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import { formatPrice } from "#protocol/quotation.ts";

function modelOf({ instrument, book }: InstrumentState): object {
  const ask = book.bestPriceTicks(SELL);
  return {
    id: instrument.symbol,
    object: "model",
    created: 1_767_225_600,
    owned_by: "gridspot",
    description: instrument.description,
    context_length: instrument.contextTokensMin,
    max_output_tokens: instrument.outputTokensMin,
    /** Dollars per million tokens at the best ask; null when nothing is offered. */
    price_per_million: ask === null ? null : formatPrice(instrument, ask),
  };
}

export function listModels(state: CoreState): object {
  return { object: "list", data: [...state.instruments.values()].map(modelOf) };
}

export function findModel(state: CoreState, symbol: string): object | null {
  const listed = state.instruments.get(symbol);
  return listed === undefined ? null : modelOf(listed);
}
