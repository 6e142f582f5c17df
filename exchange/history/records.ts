/** What history keeps of orders, trades, deliveries and issuances, and how a row holds it. */
import type { OrderTerms } from "#exchange/core/market/order-terms.ts";
import type { JudgedAttempt } from "#exchange/core/sla/verdict.ts";
import type { Order } from "#exchange/core/state.ts";

/** An order as it stood last, open or closed; where it rests in the book is the core's business. */
export type OrderRecord = Omit<
  Order,
  "handle" | "lots" | "holdName" | "marginName" | "feeBasisMicros" | "heldBps"
> & {
  /** Of an order that asks for more than most. */
  terms?: OrderTerms;
};

export interface TradeRecord {
  number: number;
  symbol: string;
  priceTicks: number;
  quantity: number;
  valueMicros: bigint;
  takerSide: "buy" | "sell";
  buyer: number;
  seller: number;
  buyOrder: number;
  sellOrder: number;
  buyerFeeMicros: bigint;
  sellerFeeMicros: bigint;
  lot: number;
  atMs: number;
}

/** A trade as one of its two parties sees it. `position` orders an account's fills. */
export interface FillRecord {
  position: number;
  side: "buy" | "sell";
  trade: TradeRecord;
}

export type DeliveryStatus = "open" | "settled" | "failed" | "excused";

export interface DeliveryRecord {
  number: number;
  requestId: string;
  account: number;
  symbol: string;
  keyId: string;
  status: DeliveryStatus;
  /** The one that served it, or tried last. */
  supplier: number;
  /** Tries that failed before the first byte. */
  failedAttempts: { attempt: number; supplier: number; cause: string }[];
  promptTokens: number;
  completionTokens: number;
  usedTokens: number;
  costMicros: bigint;
  parts: { lot: number; tokens: number; priceTicks: number; costMicros: bigint }[];
  firstTokenMs: number | null;
  durationMs: number | null;
  reportedTokens: number | null;
  outputSha256: string | null;
  finishReason: string | null;
  cause: string | null;
  /** Every attempt with its verdict and why, once the delivery has ended; the last one is last. */
  judged: JudgedAttempt[];
  openedAtMs: number;
  closedAtMs: number | null;
}

export interface IssuanceRecord {
  number: number;
  account: number;
  symbol: string;
  tokens: number;
  /** Issued straight into the trading account, as an agent's ask does. */
  toTrading: boolean;
  atMs: number;
}

/** The published word for where an order stands. */
export type OrderStatusWord = "open" | "pending" | "partially_filled" | "filled" | "cancelled";
export const OPEN_STATUS_WORDS: readonly OrderStatusWord[] = [
  "open",
  "pending",
  "partially_filled",
];

export function statusWord(order: Pick<Order, "status" | "filled">): OrderStatusWord {
  const { status, filled } = order;
  if (status === "suspended" || status === "waiting" || status === "triggered") return "pending";
  return status === "open" && filled > 0 ? "partially_filled" : status;
}

/** Writes a record as JSON; money becomes a decimal string. */
export function encodeRecord(record: object): string {
  return JSON.stringify(record, (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
}

/** Reads what `encodeRecord` wrote: keys that end in `Micros` are money. */
export function decodeRecord<T>(text: string): T {
  return JSON.parse(text, (key, value: unknown) =>
    key.endsWith("Micros") && typeof value === "string" ? BigInt(value) : value,
  ) as T;
}
