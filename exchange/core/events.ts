/**
 * What happened: the only thing that changes state, and the only thing the journal keeps.
 * The meaning of a type never changes; a new meaning is a new version with an upcaster.
 */
import type { Instrument } from "#protocol/instrument.ts";
import type { AccountEventMap } from "./accounts/account-events.ts";
import type { LotEventMap } from "./clearing/lot-events.ts";
import type { AccountMode } from "./commands.ts";
import type { Posting } from "./ledger/ledger.ts";
import type { MarketEventMap } from "./market/events.ts";
import type { ResoldPart } from "./market/resale.ts";
import type { MarketPolicy } from "./policy.ts";
import type { SlaEventMap } from "./sla/events.ts";
import type { ClosureReason, Order } from "./state.ts";

export interface EventMap extends SlaEventMap, LotEventMap, AccountEventMap, MarketEventMap {
  "instrument-listed": { number: number; instrument: Instrument };
  "policy-adopted": { policy: MarketPolicy };
  "account-opened": { account: number; name: string; mode: AccountMode; autoTransfer: boolean };
  "funds-deposited": {
    account: number;
    amountMicros: bigint;
    to: "available" | "bond";
    reference: string;
    digest: string;
    postings: Posting[];
  };
  "exchange-funded": {
    fund: "cover" | "guaranty";
    amountMicros: bigint;
    reference: string;
    digest: string;
    postings: Posting[];
  };
  "api-key-added": { account: number; keyId: string; secretHash: string; label: string };
  "signing-key-added": { account: number; fingerprint: string; publicKey: string; label: string };
  "key-revoked": { account: number; key: string };
  "join-token-created": {
    account: number;
    tokenHash: string;
    nodesMax: number;
    expiresAtMs: number;
  };
  "node-enrolled": {
    node: number;
    account: number;
    name: string;
    publicKey: string;
    tokenHash: string;
  };
  "node-connected": {
    node: number;
    session: string;
    slots: number;
    supplies: { symbol: string; capacityTokens: number }[];
  };
  "node-disconnected": { node: number; session: string; reason: string };
  /** No node of the supplier is linked: from now on its slots run against it. */
  "supplier-away": { account: number; graceEndsAtMs: number };
  "supplier-back": { account: number };
  "supplier-grace-ended": { account: number };
  "supply-issued": {
    issuance: number;
    account: number;
    symbol: string;
    tokens: number;
    toTrading: boolean;
    postings: Posting[];
  };
  "supply-transferred": { transfer: number; account: number; symbol: string; tokens: number };
  "supply-burned": { account: number; symbol: string; tokens: number; postings: Posting[] };
  "order-accepted": {
    order: Omit<
      Order,
      | "handle"
      | "lots"
      | "holdName"
      | "marginName"
      | "filled"
      | "valueMicros"
      | "feeMicros"
      | "feeBasisMicros"
      | "heldBps"
      | "status"
      | "closureReason"
      | "closedAtMs"
    >;
    postings: Posting[];
  };
  /** The order now rests in the book with what is left of it. */
  "order-rested": { order: number };
  "orders-suspended": { account: number; symbol: string; orders: number[] };
  "orders-resumed": { account: number; symbol: string; orders: number[] };
  trade: {
    trade: number;
    symbol: string;
    priceTicks: number;
    quantity: number;
    makerOrder: number;
    takerOrder: number;
    buyer: number;
    seller: number;
    takerSide: "buy" | "sell";
    buyerFeeMicros: bigint;
    sellerFeeMicros: bigint;
    /** The new Lot; of Units that were sold on the first one, or 0 when their supplier bought them back. */
    lot: number;
    /** Null while the Lot stays in Trading. One that was in Consumption before keeps its own. */
    enteredAtMs: number | null;
    expiresAtMs: number | null;
    valueMicros: bigint;
    /** Parts of the seller's Lots; empty where it sold Units that it issued. */
    resold: ResoldPart[];
    postings: Posting[];
  };
  "order-closed": {
    order: number;
    status: "filled" | "cancelled";
    reason: ClosureReason | null;
    postings: Posting[];
  };
  "delivery-reserved": {
    delivery: number;
    attempt: number;
    requestId: string;
    account: number;
    symbol: string;
    keyId: string;
    supplier: number;
    promptTokens: number;
    maxOutputTokens: number;
    choices: number;
    parts: { lot: number; tokens: number; priceTicks: number }[];
    timeoutAtMs: number;
    postings: Posting[];
  };
  /**
   * A failure before the first byte, and who serves next: with "lots" the buyer's other Lots, with
   * "cover" Lots that the exchange buys, while the buyer's stay reserved.
   */
  "attempt-failed": {
    delivery: number;
    attempt: number;
    supplier: number;
    cause: string;
    remedy: Remedy;
    /** What the supplier and the guaranty fund may have to pay for it, at most. */
    chargeMaxMicros: bigint;
    guarantyMaxMicros: bigint;
    postings: Posting[];
  };
  /** Cover that served: what was used is paid, the rest undone as if it had never been bought. */
  "cover-settled": {
    delivery: number;
    supplier: number;
    usedTokens: number;
    costMicros: bigint;
    parts: { lot: number; usedTokens: number; undoneTokens: number; costMicros: bigint }[];
    postings: Posting[];
  };
  /** What a supplier pays for its failure, by source; `owedMicros` is what it could not pay. */
  "supplier-charged": {
    supplier: number;
    reason: ChargeReason;
    delivery: number | null;
    lot: number | null;
    /** Of an abandonment: the part charged for this absence so far. */
    bps: number | null;
    amountMicros: bigint;
    owedMicros: bigint;
    guarantyMicros: bigint;
    postings: Posting[];
  };
  /** Debt of a supplier, paid by bond that became free and then by bond behind its Lots. */
  "debt-collected": {
    supplier: number;
    amountMicros: bigint;
    /** Whose bond paid a part. */
    lots: number[];
    postings: Posting[];
  };
  /** A Lot whose supplier stays away or cannot pay: its escrow goes back to its owner. */
  "lot-closed-out": {
    lot: number;
    unusedTokens: number;
    toOwnerMicros: bigint;
    /** What its owner had not paid for it: see `clearing/refund.ts`. */
    toFundMicros: bigint;
    postings: Posting[];
  };
  "delivery-settled": {
    delivery: number;
    attempt: number;
    promptTokens: number;
    completionTokens: number;
    usedTokens: number;
    costMicros: bigint;
    firstTokenMs: number | null;
    durationMs: number;
    reportedTokens: number | null;
    outputSha256: string | null;
    finishReason: string | null;
    cause: string;
    parts: { lot: number; tokens: number; priceTicks: number; costMicros: bigint }[];
    postings: Posting[];
  };
  "delivery-released": {
    delivery: number;
    attempt: number;
    verdict: "failed" | "excused";
    cause: string;
    postings: Posting[];
  };
  "lot-expired": {
    lot: number;
    unusedTokens: number;
    healthySlots: number;
    slots: number;
    toSupplierMicros: bigint;
    toOwnerMicros: bigint;
    toFundMicros: bigint;
    postings: Posting[];
  };
  /** Every token of it was used. */
  "lot-consumed": { lot: number };
  "client-id-recorded": {
    account: number;
    clientId: string;
    digest: string;
    result: Record<string, string | number | null>;
  };
  "client-ids-forgotten": { keys: string[] };
  "references-forgotten": { references: string[] };
  "join-tokens-forgotten": { tokenHashes: string[] };
  "exchange-resumed": { lastSeenMs: number; outageMs: number };
  /** Nothing happened for a while: says that the exchange was there. */
  "time-passed": object;
}

export type EventType = keyof EventMap;
export type Remedy = "lots" | "cover";
export type ChargeReason = "cover" | "price-difference" | "abandonment";
export interface EventFrame {
  version: number;
  seq: number;
  atMs: number;
}
export type EventOf<T extends EventType> = { type: T } & EventFrame & EventMap[T];
export type CoreEvent = { [T in EventType]: EventOf<T> }[EventType];
