/** How often an account or an address may ask: one token bucket per purpose and key. */
import { LRUCache } from "lru-cache";
import type { Clock } from "#exchange/clock.ts";

export interface BucketSize {
  /** Requests that may come at once. */
  burst: number;
  perSecond: number;
}

/** Cancelling has its own bucket: who may not place must still be able to get out. */
export type Purpose = "marketData" | "account" | "orders" | "cancels" | "authFailures" | "echo";
export type TradingLimits = Record<Purpose, BucketSize>;

/** The bursts are The Grid's published limits per minute; the refill is faster than theirs. */
export const TRADING_LIMITS: TradingLimits = {
  marketData: { burst: 300, perSecond: 10 },
  account: { burst: 100, perSecond: 10 },
  orders: { burst: 50, perSecond: 20 },
  cancels: { burst: 100, perSecond: 50 },
  authFailures: { burst: 20, perSecond: 1 },
  echo: { burst: 20, perSecond: 1 },
};

/** What one bucket is for. */
export const BUCKET_SCOPES: Record<Purpose, string> = {
  marketData: "address",
  account: "user",
  orders: "user_market",
  cancels: "user",
  authFailures: "address",
  echo: "address",
};

/** Buckets remembered at a time; the longest unused is dropped, which only ever forgives. */
const BUCKETS_MAX = 20_000;

/** What is left in a bucket, and how long until one more is. */
export interface Allowance {
  limit: number;
  remaining: number;
  /** Seconds until the bucket is full again. */
  resetSeconds: number;
  /** Null when the request may go, else seconds until one may. */
  retryAfterSeconds: number | null;
}

export interface RateLimits {
  /** Takes one request out of the bucket, if there is one. */
  take(purpose: Purpose, key: string): Allowance;
  /** The same without taking. */
  peek(purpose: Purpose, key: string): Allowance;
}

export function createRateLimits(limits: TradingLimits, { clock }: { clock: Clock }): RateLimits {
  const buckets = new LRUCache<string, { tokens: number; filledMs: number }>({ max: BUCKETS_MAX });

  function measure(purpose: Purpose, key: string, wanted: number): Allowance {
    const { burst, perSecond } = limits[purpose];
    const nowMs = clock.monotonicMs();
    const name = `${purpose}|${key}`;
    const bucket = buckets.get(name) ?? { tokens: burst, filledMs: nowMs };
    const earned = ((nowMs - bucket.filledMs) / 1000) * perSecond;
    const tokens = Math.min(burst, bucket.tokens + earned);
    const allowed = tokens >= 1;
    const left = allowed ? tokens - wanted : tokens;
    buckets.set(name, { tokens: left, filledMs: nowMs });
    return {
      limit: burst,
      remaining: Math.floor(left),
      resetSeconds: Math.ceil((burst - left) / perSecond),
      retryAfterSeconds: allowed ? null : Math.ceil((1 - tokens) / perSecond),
    };
  }
  return {
    take: (purpose, key) => measure(purpose, key, 1),
    peek: (purpose, key) => measure(purpose, key, 0),
  };
}
