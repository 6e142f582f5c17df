/** What history keeps of Lots: each with what became of its tokens and its money. */
import type { EventOf } from "#exchange/core/events.ts";

/** `open` may still be used; each other word says how it ended. */
export type LotStatus = "open" | "consumed" | "expired" | "closed-out" | "cover";

export interface LotRecord {
  number: number;
  symbol: string;
  /** 0 is the exchange: cover, gone as soon as it served. */
  owner: number;
  supplier: number;
  trade: number;
  priceTicks: number;
  quantity: number;
  valueMicros: bigint;
  /** Tokens used by requests. */
  usedTokens: number;
  /** Paid out of it: for what was used, and for what expired unused. */
  paidMicros: bigint;
  /** Given back to its owner. */
  refundedMicros: bigint;
  status: LotStatus;
  boughtAtMs: number;
  /** First entry into Consumption; null while in Trading. */
  enteredAtMs: number | null;
  expiresAtMs: number | null;
  closedAtMs: number | null;
}

export function boughtLot(event: EventOf<"trade">): LotRecord {
  const { symbol, trade, priceTicks, quantity, valueMicros, enteredAtMs, expiresAtMs } = event;
  return {
    number: event.lot,
    symbol,
    owner: event.buyer,
    supplier: event.seller,
    trade,
    priceTicks,
    quantity,
    valueMicros,
    usedTokens: 0,
    paidMicros: 0n,
    refundedMicros: 0n,
    status: "open",
    boughtAtMs: event.atMs,
    enteredAtMs,
    expiresAtMs,
    closedAtMs: null,
  };
}
