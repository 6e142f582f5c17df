/** Limits per API key: a token bucket for requests and a count of open ones. */
import { LRUCache } from "lru-cache";
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

/** Headers that tell the client how much is left, as OpenAI names them. */
export type LimitHeaders = Record<string, string>;

export type Entered =
  /** Call `leave` when the request is over. */
  | { ok: true; headers: LimitHeaders; leave: () => void }
  | { ok: false; headers: LimitHeaders; message: string };

export interface Limiter {
  enter(key: string): Entered;
}

/** Builds the limiter. */
export function createLimiter(limits: KeyLimits, { clock }: { clock: Clock }): Limiter {
  const { requestsPerSecond, burst, openMax } = limits;
  const buckets = new LRUCache<string, Bucket>({ max: KEYS_MAX });

  function bucketOf(key: string): Bucket {
    const nowMs = clock.monotonicMs();
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { tokens: burst, filledMs: nowMs, open: 0 };
      buckets.set(key, bucket);
    }
    const earned = ((nowMs - bucket.filledMs) / 1_000) * requestsPerSecond;
    bucket.tokens = Math.min(burst, bucket.tokens + earned);
    bucket.filledMs = nowMs;
    return bucket;
  }

  function headersOf({ tokens }: Bucket): LimitHeaders {
    const fullInSeconds = (burst - tokens) / requestsPerSecond;
    return {
      "x-ratelimit-limit-requests": String(burst),
      "x-ratelimit-remaining-requests": String(Math.max(0, Math.floor(tokens))),
      "x-ratelimit-reset-requests": `${Math.ceil(fullInSeconds * 1_000)}ms`,
    };
  }

  return {
    enter(key) {
      const bucket = bucketOf(key);
      if (bucket.open >= openMax) {
        const message = `${bucket.open} requests of this key are open, at most ${openMax}; wait for one to end`;
        return { ok: false, headers: headersOf(bucket), message };
      }
      if (bucket.tokens < 1) {
        const waitSeconds = (1 - bucket.tokens) / requestsPerSecond;
        const message = `more than ${requestsPerSecond} requests per second with this key; retry in ${waitSeconds.toFixed(2)} s`;
        return { ok: false, headers: headersOf(bucket), message };
      }
      bucket.tokens -= 1;
      bucket.open += 1;
      let left = false;
      const leave = () => {
        if (!left) bucket.open -= 1;
        left = true;
      };
      return { ok: true, headers: headersOf(bucket), leave };
    },
  };
}
