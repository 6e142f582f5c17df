/**
 * Which nonces were used by which key, for as long as their timestamps are good. A nonce is remembered
 * only for a request whose signature held, so strangers cannot fill the store; what is full refuses,
 * for to forget a nonce would be to accept its request again.
 */
import type { Clock } from "#exchange/clock.ts";

/** Twice what the rate limits let one account send while a timestamp is good. */
export const NONCES_PER_KEY_MAX = 10_000;
export const NONCES_MAX = 500_000;
/** How often what ran out is thrown away. */
const SWEEP_MS = 5_000;

export type NonceVerdict = "fresh" | "used" | "full";

export interface Nonces {
  /** Remembers the nonce until that time; says "used" when it is remembered already. */
  take(fingerprint: string, nonce: string, untilMs: number): NonceVerdict;
  /** The same question, and nothing is remembered. */
  peek(fingerprint: string, nonce: string): NonceVerdict;
}

export interface NonceLimits {
  perKeyMax: number;
  max: number;
}

export function createNonces(
  { clock }: { clock: Clock },
  { perKeyMax, max }: NonceLimits = { perKeyMax: NONCES_PER_KEY_MAX, max: NONCES_MAX },
): Nonces {
  const byKey = new Map<string, Map<string, number>>();
  let count = 0;
  let sweptAtMs = Number.NEGATIVE_INFINITY;

  function sweep(nowMs: number): void {
    sweptAtMs = nowMs;
    for (const [fingerprint, nonces] of byKey) {
      for (const [nonce, untilMs] of nonces) {
        if (untilMs >= nowMs) continue;
        nonces.delete(nonce);
        count -= 1;
      }
      if (nonces.size === 0) byKey.delete(fingerprint);
    }
  }

  function peek(fingerprint: string, nonce: string): NonceVerdict {
    const nowMs = clock.nowMs();
    if (nowMs - sweptAtMs >= SWEEP_MS) sweep(nowMs);
    const nonces = byKey.get(fingerprint);
    if (nonces?.has(nonce)) return "used";
    return count >= max || (nonces?.size ?? 0) >= perKeyMax ? "full" : "fresh";
  }

  return {
    peek,
    take(fingerprint, nonce, untilMs) {
      const verdict = peek(fingerprint, nonce);
      if (verdict !== "fresh") return verdict;
      let nonces = byKey.get(fingerprint);
      if (nonces === undefined) {
        nonces = new Map();
        byKey.set(fingerprint, nonces);
      }
      nonces.set(nonce, untilMs);
      count += 1;
      return verdict;
    },
  };
}
