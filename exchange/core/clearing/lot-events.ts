/** Events of Lots on their way: split, moved between Trading and Consumption, offered. */
import type { Posting } from "#exchange/core/ledger/ledger.ts";

/** Increments of one Lot that an ask still offers. */
export interface OfferedLot {
  lot: number;
  quantity: number;
}

/** A stretch of time. */
export interface Stretch {
  fromMs: number;
  toMs: number;
}

export type TransferBy = "request" | "sweep" | "auto-transfer";

export interface LotEventMap {
  /** Nothing of the instrument is delivered from now on. */
  "delivery-halted": { symbol: string; reason: string };
  /** The halt since then is over: open Lots have so much longer, but for outages in it, which added theirs. */
  "delivery-resumed": { symbol: string; sinceMs: number; outages: Stretch[] };
  /** The Lots that an accepted ask sells: it holds them until they are sold or it ends. */
  "lots-offered": { order: number; lots: OfferedLot[]; postings: Posting[] };
  /**
   * Whole Lots move between Trading and Consumption; no value does. Those that enter Consumption for
   * the first time do so at `enteredAtMs` and expire at `expiresAtMs`; null on the way back.
   */
  "units-transferred": {
    transfer: number;
    account: number;
    symbol: string;
    to: "trading" | "consumption";
    by: TransferBy;
    tokens: number;
    lots: number[];
    enteredAtMs: number | null;
    expiresAtMs: number | null;
  };
  /** Part of a Lot becomes a Lot of its own, of the same owner and supplier. */
  "lot-split": {
    lot: number;
    into: number;
    tokens: number;
    valueMicros: bigint;
    /** Bond behind each of the two from now on. */
    keptMarginMicros: bigint;
    marginMicros: bigint;
    postings: Posting[];
  };
}
