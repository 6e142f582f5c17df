/**
 * Every bound on what a stream connection may cost, and the codes with which one is ended. The
 * published ones are The Grid's: 10 connections, 50 subscriptions, 100 frames a second.
 */
import type { BucketSize } from "#exchange/trading/rate-limits.ts";

export interface StreamLimits {
  /** Connections at a time, in all. */
  connectionsMax: number;
  /** From one address: those behind one proxy share it. */
  connectionsPerAddressMax: number;
  /** Signed in to one account. */
  connectionsPerAccountMax: number;
  subscriptionsPerConnectionMax: number;
  /** Frames that a client may send. */
  frames: BucketSize;
  frameBytesMax: number;
  /** Frames that wait for the one before to be answered. */
  framesWaitingMax: number;
  /** Frames that made no sense, before the connection is given up. */
  badFramesMax: number;
  /** Bytes that may wait for a slow reader before its connection is given up. */
  queuedBytesMax: number;
  /** Failed signatures from one address. */
  authFailures: BucketSize;
  /** Silence after which a client counts as gone: it should beat every 30 s. */
  silenceMsMax: number;
  /** How often silent ones are looked for. */
  lookMs: number;
  /** How long a client may take to answer a close. */
  closeMsMax: number;
}

export const STREAM_LIMITS: StreamLimits = {
  connectionsMax: 5_000,
  connectionsPerAddressMax: 100,
  connectionsPerAccountMax: 10,
  subscriptionsPerConnectionMax: 50,
  frames: { burst: 100, perSecond: 100 },
  frameBytesMax: 16 * 1024,
  framesWaitingMax: 100,
  badFramesMax: 10,
  queuedBytesMax: 2 * 1024 * 1024,
  authFailures: { burst: 20, perSecond: 1 },
  silenceMsMax: 65_000,
  lookMs: 5_000,
  closeMsMax: 2_000,
};

/** Steps of a book that can be resumed over; beyond, a new snapshot. */
export const BOOK_STEPS_KEPT_MAX = 1_024;
/** Events of a market, or of an account, that can be sent again. */
export const EVENTS_KEPT_MAX = 1_024;
/** Accounts whose events are kept while nobody listens, for whoever comes back. */
export const ACCOUNTS_KEPT_MAX = 1_000;
/** How long they are kept. */
export const ACCOUNT_KEPT_MS = 300_000;
/** Readers of one feed that are written to in one turn of the event loop. */
export const READERS_PER_TURN = 256;

/** RFC 6455 section 7.4: 4000 and up are ours. The names are the close's reason. */
export const CLOSE = {
  exchange_stopping: 1001,
  binary_frame: 1003,
  internal_error: 1011,
  invalid_frames: 4400,
  key_revoked: 4401,
  silent: 4408,
  slow_reader: 4413,
  rate_exceeded: 4429,
  too_many_connections: 4430,
} as const;
export type CloseReason = keyof typeof CLOSE;
