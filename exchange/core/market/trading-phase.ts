/**
 * Phases of trading of an instrument. Outside of `active` nothing is matched: orders that can rest do,
 * so the book may be crossed, and the way back to `active` leads through an auction's uncross.
 */
import type { Command, CommandResult, PlaceOrder } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { InstrumentState } from "#exchange/core/state.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";
import { closeOrder } from "./closing.ts";
import { canRest, isStop } from "./order-terms.ts";

/**
 * `halted`: orders are cancelled and made smaller, not placed. `auction`: placed and not matched, until its
 * end. `closed`: as halted, and all orders are cancelled.
 */
export const TRADING_PHASES = ["active", "halted", "auction", "closed"] as const;
export type TradingPhase = (typeof TRADING_PHASES)[number];

export interface Trading {
  phase: TradingPhase;
  /** In words, of an operator or ours. */
  reason: string;
  sinceMs: number;
  /** Of an auction: when it uncrosses. */
  endsAtMs: number | null;
  /** The price at which an auction is being uncrossed, while that takes more than one turn. */
  uncrossTicks: number | null;
  /** Breakers look back no further than to this trade: those before led into an auction. */
  pricesFromTrade: number;
}

export const HALT_REASON_LENGTH_MAX = 200;
export const AUCTION_MS_MAX = 3_600_000;

/** A market that was just listed. */
export const OPEN_TRADING: Readonly<Trading> = {
  phase: "active",
  reason: "",
  sinceMs: 0,
  endsAtMs: null,
  uncrossTicks: null,
  pricesFromTrade: 0,
};

/** Why an order cannot be placed, or amended to that shape, in this phase; null when it can. */
export function phaseProblem(
  { trading, instrument }: InstrumentState,
  shape: Pick<PlaceOrder, "orderType" | "timeInForce" | "postOnly">,
): ReturnType<typeof reject> | null {
  const { phase, reason, uncrossTicks } = trading;
  if (phase === "active") return null;
  const why = reason === "" ? "" : ` (${reason})`;
  if (phase !== "auction" || uncrossTicks !== null) {
    return reject(
      "market-closed",
      `${instrument.symbol} is ${phase}${why}; orders can be cancelled, wait until it is active`,
    );
  }
  if ((canRest(shape) || isStop(shape)) && !shape.postOnly) return null;
  return reject(
    "market-closed",
    `${instrument.symbol} is in an auction${why}; it takes orders that can rest and are not post_only`,
  );
}

export function haltTrading(
  turn: Turn,
  { symbol, phase, reason }: Command<"halt-trading">,
): Decision<CommandResult<"halt-trading">> {
  const listed = turn.state.instruments.get(symbol);
  if (listed === undefined) return reject("instrument-not-found", `no instrument "${symbol}"`);
  if (phase !== "halted" && phase !== "closed") {
    return reject("invalid-order", `phase "${phase}", expected halted or closed`);
  }
  if (reason.length > HALT_REASON_LENGTH_MAX) {
    return reject("invalid-name", `a reason has at most ${HALT_REASON_LENGTH_MAX} characters`);
  }
  if (listed.trading.phase !== phase) emitPhase(turn, symbol, phase, reason, null);
  return accept({ symbol, phase });
}

/** Into an auction of that length; it uncrosses in the first turn after its end. */
export function resumeTrading(
  turn: Turn,
  { symbol, auctionMs }: Command<"resume-trading">,
): Decision<CommandResult<"resume-trading">> {
  const listed = turn.state.instruments.get(symbol);
  if (listed === undefined) return reject("instrument-not-found", `no instrument "${symbol}"`);
  if (!Number.isInteger(auctionMs) || auctionMs < 0 || auctionMs > AUCTION_MS_MAX) {
    return reject("invalid-order", `auction of ${auctionMs} ms, expected 0 to ${AUCTION_MS_MAX}`);
  }
  const { phase } = listed.trading;
  if (phase === "halted" || phase === "closed") {
    emitPhase(turn, symbol, "auction", "trading resumes", turn.nowMs + auctionMs);
  }
  return accept({ symbol, phase: listed.trading.phase, endsAtMs: listed.trading.endsAtMs });
}

export function emitPhase(
  turn: Turn,
  symbol: string,
  phase: TradingPhase,
  reason: string,
  endsAtMs: number | null,
): void {
  turn.emit({
    type: "trading-phase-set",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    symbol,
    phase,
    reason,
    endsAtMs,
  });
}

/** Orders of a closed market that one turn cancels. */
const CLOSED_PER_TURN_MAX = 256;

/** Cancels orders of a closed market, oldest first. True when more is left to do. */
export function closeMarket(turn: Turn, { instrument, trading }: InstrumentState): boolean {
  if (trading.phase !== "closed") return false;
  let closed = 0;
  for (const order of turn.state.orders.values()) {
    if (order.symbol !== instrument.symbol) continue;
    if (closed === CLOSED_PER_TURN_MAX) return true;
    closed += 1;
    closeOrder(turn, order, "cancelled", "market_closed");
  }
  return false;
}
