/**
 * Everything that can be asked of the core, and what it answers. A command brings no time and makes
 * no ids: time is an argument of `execute`, ids are counters of the state.
 *
 * Accounts, orders, lots, nodes and deliveries are numbers here; `protocol/ids.ts` gives them their
 * public form. Quantities are increments, prices ticks, money micro-dollars.
 */
import type { Instrument } from "#protocol/instrument.ts";
import type { AccountCommandMap } from "./accounts/account-commands.ts";
import type { LotCommandMap } from "./clearing/lot-commands.ts";
import type { OrderCommandMap } from "./market/commands.ts";
import type { MarketPolicy } from "./policy.ts";
import type { Measured } from "./sla/verdict.ts";

export type * from "./market/commands.ts";
export type Side = "buy" | "sell";
/** Who trades: `easy` buys by itself when a request needs it, `advanced` trades by hand. */
export type AccountMode = "easy" | "advanced";

export interface CommandMap extends AccountCommandMap, LotCommandMap, OrderCommandMap {
  /** Lists an instrument, or a new version of one. Does nothing when nothing changed. */
  "list-instrument": { params: { instrument: Instrument }; result: { symbol: string } };
  "adopt-policy": { params: { policy: MarketPolicy }; result: { version: string } };
  /** `autoTransfer` where it is not what the mode comes with: see `accounts/settings.ts`. */
  "open-account": {
    params: { name: string; mode: AccountMode; autoTransfer?: boolean };
    result: { account: number };
  };
  /**
   * Money from outside. `reference` makes a repeated deposit a no-op for as long as it is remembered:
   * 90 days, or what the policy says (`depositReferenceKeptMs`). After that it names a new deposit.
   */
  deposit: {
    params: {
      account: number;
      amountMicros: bigint;
      to: "available" | "bond";
      reference: string;
    };
    result: { balanceMicros: string };
  };
  /** Money for the exchange's own funds: what cover is bought with, and what stands in for defaults. */
  "fund-exchange": {
    params: { fund: "cover" | "guaranty"; amountMicros: bigint; reference: string };
    result: { balanceMicros: string };
  };
  "add-api-key": {
    params: { account: number; keyId: string; secretHash: string; label: string };
    result: { keyId: string };
  };
  /** `publicKey` is base64url; the edge has already refused unsound keys. */
  "add-signing-key": {
    params: { account: number; fingerprint: string; publicKey: string; label: string };
    result: { fingerprint: string };
  };
  /**
   * `key` is an API key id or a fingerprint of that account. From this event on it reserves nothing,
   * and no delivery that it began moves to another supplier; what is under way is still settled.
   */
  "revoke-key": { params: { account: number; key: string }; result: { key: string } };
  "create-join-token": {
    params: { account: number; tokenHash: string; nodesMax: number; expiresAtMs: number };
    result: { tokenHash: string };
  };
  "enrol-node": {
    params: { tokenHash: string; publicKey: string; name: string };
    result: { node: number; account: number };
  };
  /** A node is linked and says what it serves; repeated when its supply changes. */
  "connect-node": {
    params: {
      node: number;
      session: string;
      slots: number;
      supplies: { symbol: string; capacityTokens: number }[];
    };
    result: { account: number };
  };
  "disconnect-node": {
    params: { node: number; session: string; reason: string };
    result: Record<string, never>;
  };
  "issue-supply": {
    params: { account: number; symbol: string; quantity: number };
    result: { issuance: number; issuedTokens: number };
  };
  /** Moves issued Units from the issuance to the trading account, as published. */
  "transfer-issued": {
    params: { account: number; symbol: string; quantity: number };
    result: { transfer: number };
  };
  "reserve-delivery": { params: ReserveDelivery; result: Reservation };
  /** The attempt failed before its first byte: reserve again with other suppliers. */
  "retry-delivery": {
    params: { delivery: number; attempt: number; cause: string };
    result: Reservation;
  };
  /** The delivery worked: pay for what was metered, give the rest back. */
  "settle-delivery": {
    params: {
      delivery: number;
      attempt: number;
      promptTokens: number;
      completionTokens: number;
      firstTokenMs: number | null;
      durationMs: number;
      /** What the verdict rests on; see `Measured`. */
      measured: Measured;
      /** The supplier's own count, recorded beside ours and never paid. */
      reportedTokens: number | null;
      outputSha256: string | null;
      finishReason: string | null;
      cause: string;
    };
    result: Settlement;
  };
  /** Nothing was delivered that counts: the whole reservation goes back, the buyer pays nothing. */
  "release-delivery": {
    params: {
      delivery: number;
      attempt: number;
      verdict: "failed" | "excused";
      cause: string;
      /** Output that was forwarded before it failed, in reference tokens. */
      completionTokens: number;
    };
    result: Record<string, never>;
  };
  /** A supplier was seen to break a rule; kinds that are grave suspend it. */
  "record-integrity": {
    params: { account: number; node: number | null; kind: string; detail: string };
    result: { recorded: number; suspendedInstruments: number };
  };
  /** First command of a process: every link is gone, the outage tolls. */
  resume: { params: { lastSeenMs: number }; result: { releasedDeliveries: number } };
  /** Lets time pass: runs what is due. */
  tick: { params: object; result: { more: boolean } };
}

export interface ReserveDelivery {
  account: number;
  symbol: string;
  /** The API key that asks; it must be one of the account, and not revoked. */
  keyId: string;
  /** In reference tokens, counted by the exchange. */
  promptTokens: number;
  /** Null: the instrument's default, reduced to what can be paid, never below 256. */
  maxOutputTokens: number | null;
  /** `n` of the request. */
  choices: number;
  /** Only for reading back later; random, says nothing. */
  requestId: string;
}

/** A delivery's reservation: who serves it and what each token costs. */
export interface Reservation {
  delivery: number;
  attempt: number;
  supplier: number;
  promptTokens: number;
  /** Per choice: what goes to the backend as its maximum. */
  maxOutputTokens: number;
  reservedTokens: number;
  parts: { lot: number; tokens: number; priceTicks: number }[];
}

/** What a delivery cost, exactly. */
export interface Settlement {
  usedTokens: number;
  costMicros: string;
  parts: { lot: number; tokens: number; priceTicks: number; costMicros: string }[];
}

export type CommandType = keyof CommandMap;
export type Command<T extends CommandType = CommandType> = {
  [K in T]: { type: K } & CommandMap[K]["params"];
}[T];
export type CommandResult<T extends CommandType> = CommandMap[T]["result"];
