/**
 * Requests that crashed two suppliers: the same body under the same key is refused for a while, so
 * that one buyer cannot walk through all suppliers with it.
 */
import { createHash } from "node:crypto";
import type { Clock } from "#exchange/clock.ts";

const POISON_KEPT_MS = 600_000;
/** Bodies that are remembered; the oldest makes room. */
const POISON_MAX = 10_000;

export class PoisonList {
  readonly #clock: Clock;
  /** Digest to the time until which it is refused, oldest first. */
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(keyId: string, body: Uint8Array): void {
    const digest = digestOf(keyId, body);
    this.#untilMs.delete(digest);
    this.#untilMs.set(digest, this.#clock.monotonicMs() + POISON_KEPT_MS);
    if (this.#untilMs.size <= POISON_MAX) return;
    for (const oldest of this.#untilMs.keys()) {
      this.#untilMs.delete(oldest);
      break;
    }
  }

  /** Costs nothing while nothing is remembered. */
  has(keyId: string, body: Uint8Array): boolean {
    if (this.#untilMs.size === 0) return false;
    const digest = digestOf(keyId, body);
    const untilMs = this.#untilMs.get(digest);
    if (untilMs === undefined) return false;
    if (this.#clock.monotonicMs() < untilMs) return true;
    this.#untilMs.delete(digest);
    return false;
  }
}

function digestOf(keyId: string, body: Uint8Array): string {
  return createHash("sha256").update(`${keyId}\n`).update(body).digest("base64");
}
