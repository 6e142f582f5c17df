/** What history keeps of Lots: each with what became of its tokens and its money. */
import type { EventOf } from "#exchange/core/events.ts";
import { lotTokens } from "#exchange/core/ledger/account-names.ts";

/** `open` may still be used; each other word says how it ended. */
export type LotStatus = "open" | "consumed" | "expired" | "closed-out" | "cover" | "sold";

export interface LotRecord {
  number: number;
  symbol: string;
  /** 0 is the exchange: cover, gone as soon as it served. */
  owner: number;
  supplier: number;
  trade: number;
  /** What stands in escrow for it, per Unit. */
  priceTicks: number;
  /** What its owner paid, per Unit: not the same where it was sold on. */
  costTicks: number;
  tokens: number;
  valueMicros: bigint;
  /** Tokens used by requests. */
  usedTokens: number;
  /** Paid out of it: for what was used, and for what expired unused. */
  paidMicros: bigint;
  /** Given back to its owner. */
  refundedMicros: bigint;
  status: LotStatus;
  boughtAtMs: number;
  /** In Trading it can be sold, in Consumption it can be used. */
  place: "trading" | "consumption";
  /** First entry into Consumption; null before it. */
  enteredAtMs: number | null;
  expiresAtMs: number | null;
  closedAtMs: number | null;
}

export function boughtLot(event: EventOf<"trade">): LotRecord {
  const { symbol, trade, priceTicks, valueMicros, enteredAtMs, expiresAtMs } = event;
  return {
    number: event.lot,
    symbol,
    owner: event.buyer,
    supplier: event.seller,
    trade,
    priceTicks,
    costTicks: priceTicks,
    tokens: tokensInto(event),
    valueMicros,
    usedTokens: 0,
    paidMicros: 0n,
    refundedMicros: 0n,
    status: "open",
    boughtAtMs: event.atMs,
    place: enteredAtMs === null ? "trading" : "consumption",
    enteredAtMs,
    expiresAtMs,
    closedAtMs: null,
  };
}

/** Part of a Lot that is one of its own from now on; takes what is in it from the other. */
export function splitLot(lot: LotRecord, event: EventOf<"lot-split">): LotRecord {
  const { into: number, tokens, valueMicros } = event;
  lot.tokens -= tokens;
  lot.valueMicros -= valueMicros;
  const fresh = { usedTokens: 0, paidMicros: 0n, refundedMicros: 0n };
  return { ...lot, ...fresh, number, tokens, valueMicros };
}

/**
 * Part of a Lot that was sold on, its buyer's from now on; null where the buyer owed it, who owes it no
 * more. Takes what is in it from the other, which ends with its last token.
 */
export function soldOn(
  lot: LotRecord,
  part: EventOf<"trade">["resold"][number],
  { buyer, trade, priceTicks, enteredAtMs, expiresAtMs, atMs }: EventOf<"trade">,
): LotRecord | null {
  lot.tokens -= part.tokens;
  lot.valueMicros -= part.valueMicros;
  const sold = { ...lot, ...{ usedTokens: 0, paidMicros: 0n, refundedMicros: 0n } };
  if (lot.tokens === 0) Object.assign(lot, { status: "sold", closedAtMs: atMs });
  if (part.into === null) return null;
  return {
    ...sold,
    number: part.into,
    owner: buyer,
    trade,
    costTicks: priceTicks,
    tokens: part.tokens,
    valueMicros: part.valueMicros,
    boughtAtMs: atMs,
    place: enteredAtMs === null ? "trading" : "consumption",
    enteredAtMs: lot.enteredAtMs ?? enteredAtMs,
    expiresAtMs: lot.expiresAtMs ?? expiresAtMs,
  };
}

function tokensInto({ postings, lot, symbol }: EventOf<"trade">): number {
  const tokens = lotTokens(lot, symbol);
  const posting = postings.find((each) => "to" in each && each.to === tokens);
  return Number(posting?.amount ?? 0n);
}
