/** What changes of an instrument's trading phase do to the state. */
import { instrumentOf } from "#exchange/core/turn.ts";
import type { Appliers } from "./apply.ts";

export const tradingAppliers: Appliers<"trading-phase-set" | "auction-uncrossing"> = {
  "trading-phase-set": (state, { symbol, phase, reason, endsAtMs, atMs }) => {
    const listed = instrumentOf(state, symbol);
    const { trading } = listed;
    const wasUncrossed = trading.uncrossTicks !== null;
    // Breakers look back to the price of the auction, not to what led into it.
    const pricesFromTrade =
      phase === "active" && !wasUncrossed ? state.counters.trade + 1 : trading.pricesFromTrade;
    listed.trading = {
      phase,
      reason,
      sinceMs: atMs,
      endsAtMs,
      uncrossTicks: null,
      pricesFromTrade,
    };
    if (phase === "closed")
      state.due.push({ dueMs: atMs, kind: "market-close", id: listed.number });
    if (endsAtMs !== null) {
      state.due.push({ dueMs: endsAtMs, kind: "auction-end", id: listed.number });
    }
  },
  "auction-uncrossing": (state, { symbol, priceTicks }) => {
    const { trading } = instrumentOf(state, symbol);
    if (trading.uncrossTicks === null) trading.pricesFromTrade = state.counters.trade + 1;
    trading.uncrossTicks = priceTicks;
  },
};
