/** Limits per API key: a token bucket for requests and a count of open streams. */
import type { Clock } from "#exchange/clock.ts";

export interface KeyLimits {
  requestsPerSecond: number;
  burst: number;
  openMax: number;
}

export const DEFAULT_KEY_LIMITS: KeyLimits = { requestsPerSecond: 60, burst: 120, openMax: 32 };
/** Keys remembered at a time; the longest unused is dropped. */
const KEYS_MAX = 10_000;

interface Bucket {
  tokens: number;
  filledMs: number;
  open: number;
}

export interface Limiter {
  /** Takes one request in; null when it may go, else a sentence. Pair with `leave`. */
  enter(key: string): string | null;
  leave(key: string): void;
  headers(key: string): Record<string, string>;
}

export function createLimiter(limits: KeyLimits, { clock }: { clock: Clock }): Limiter {
  const buckets = new Map<string, Bucket>();

  function bucketOf(key: string): Bucket {
    const nowMs = clock.monotonicMs();
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { tokens: limits.burst, filledMs: nowMs, open: 0 };
      if (buckets.size >= KEYS_MAX) {
        for (const [old, { open }] of buckets) {
          if (open > 0) continue;
          buckets.delete(old);
          break;
        }
      }
      buckets.set(key, bucket);
    }
    const earned = ((nowMs - bucket.filledMs) / 1000) * limits.requestsPerSecond;
    bucket.tokens = Math.min(limits.burst, bucket.tokens + earned);
    bucket.filledMs = nowMs;
    return bucket;
  }

  return {
    enter(key) {
      const bucket = bucketOf(key);
      if (bucket.open >= limits.openMax) {
        return `${bucket.open} requests of this key are open, at most ${limits.openMax}`;
      }
      if (bucket.tokens < 1) {
        return `more than ${limits.requestsPerSecond} requests per second with this key`;
      }
      bucket.tokens -= 1;
      bucket.open += 1;
      return null;
    },
    leave(key) {
      const bucket = buckets.get(key);
      if (bucket !== undefined && bucket.open > 0) bucket.open -= 1;
    },
    headers(key) {
      const { tokens } = bucketOf(key);
      return {
        "x-ratelimit-limit": String(limits.burst),
        "x-ratelimit-remaining": String(Math.max(0, Math.floor(tokens))),
        "x-ratelimit-reset": String(Math.ceil((limits.burst - tokens) / limits.requestsPerSecond)),
      };
    },
  };
}
