/** How long a delivery may wait for whom: the supplier, the client, and in all. */
import type { Clock } from "#exchange/clock.ts";
import type { CoreState } from "#exchange/core/state.ts";
import type { ChatRequest } from "./chat-request.ts";

export interface DeliveryTimeouts {
  /** Silence of a supplier in mid-answer after which the attempt has failed. */
  supplierSilentMsMax: number;
  /** How long a client may take nothing before it counts as gone. */
  clientStalledMsMax: number;
}

export const DEFAULT_TIMEOUTS: DeliveryTimeouts = {
  supplierSilentMsMax: 30_000,
  clientStalledMsMax: 60_000,
};

/** A first token that takes this many times the instrument's ceiling is not waited for. */
const FIRST_TOKEN_PATIENCE = 3;
const FIRST_TOKEN_TIMEOUT_MS_MIN = 10_000;
/** An answer that is not streamed may come at this part of the instrument's speed. */
const WHOLE_ANSWER_PATIENCE = 2;
/** The core takes a reservation back by itself; the delivery ends this much sooner. */
const SETTLEMENT_MARGIN_MS = 10_000;
/** Where no policy was adopted yet. */
const DELIVERY_MS_MAX = 590_000;

/** The time limits of a delivery, from its instrument and the market's policy. */
export function timeLimitsOf(
  state: CoreState,
  request: Pick<ChatRequest, "symbol" | "streamed">,
  maxOutputTokens: number,
): { firstTokenTimeoutMs: number; deliveryMsMax: number } {
  const instrument = state.instruments.get(request.symbol)?.instrument;
  const deliveryMsMax = Math.max(
    1_000,
    (state.policy?.deliveryTimeMsMax ?? DELIVERY_MS_MAX) - SETTLEMENT_MARGIN_MS,
  );
  const first = FIRST_TOKEN_PATIENCE * (instrument?.firstTokenMsMax ?? 0);
  let firstTokenTimeoutMs = Math.max(FIRST_TOKEN_TIMEOUT_MS_MIN, first);
  if (!request.streamed && instrument !== undefined) {
    // The first record of such an answer comes when the last token is made.
    const outputMs = (maxOutputTokens / instrument.tokensPerSecondMin) * 1_000;
    firstTokenTimeoutMs += Math.ceil(outputMs * WHOLE_ANSWER_PATIENCE);
  }
  return {
    firstTokenTimeoutMs: Math.min(Math.ceil(firstTokenTimeoutMs), deliveryMsMax),
    deliveryMsMax,
  };
}

export interface WatchDependencies {
  clock: Clock;
  supplierSilent(ms: number): void;
  clientStalled(): void;
  outOfTime(): void;
}

/** One timer per delivery that looks when something may be due, so that a record costs no timer. */
export class Watch {
  readonly #timeouts: DeliveryTimeouts;
  readonly #on: WatchDependencies;
  #timer: NodeJS.Timeout | undefined;
  #endMs = 0;
  #spokeMs: number | null = null;
  #slowSinceMs: number | null = null;
  #clientWaitMs = 0;

  constructor(timeouts: DeliveryTimeouts, dependencies: WatchDependencies) {
    this.#timeouts = timeouts;
    this.#on = dependencies;
  }

  /** A new attempt; `endMs` is when the whole delivery must be over, on the monotonic clock. */
  start(endMs: number): void {
    this.#endMs = endMs;
    this.#spokeMs = null;
    this.#slowSinceMs = null;
    this.#clientWaitMs = 0;
    this.#arm();
  }

  supplierSpoke(): void {
    const first = this.#spokeMs === null;
    this.#spokeMs = this.#on.clock.monotonicMs();
    if (first) this.#arm();
  }

  /** From now on it is the client that is waited for. */
  clientSlow(): void {
    this.#slowSinceMs = this.#on.clock.monotonicMs();
    this.#arm();
  }

  /** Time of this attempt in which the client was waited for. */
  get clientWaitMs(): number {
    const { monotonicMs } = this.#on.clock;
    const sinceMs = this.#slowSinceMs;
    return this.#clientWaitMs + (sinceMs === null ? 0 : monotonicMs() - sinceMs);
  }

  clientTakes(): void {
    this.#clientWaitMs = this.clientWaitMs;
    this.#slowSinceMs = null;
    if (this.#spokeMs === null) return;
    // Without credit the supplier could not have spoken.
    this.#spokeMs = this.#on.clock.monotonicMs();
    this.#arm();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#endMs = 0;
  }

  #dueMs(): number {
    const { supplierSilentMsMax, clientStalledMsMax } = this.#timeouts;
    if (this.#slowSinceMs !== null) {
      return Math.min(this.#endMs, this.#slowSinceMs + clientStalledMsMax);
    }
    if (this.#spokeMs !== null) return Math.min(this.#endMs, this.#spokeMs + supplierSilentMsMax);
    return this.#endMs;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#endMs === 0) return;
    const waitMs = Math.max(1, Math.ceil(this.#dueMs() - this.#on.clock.monotonicMs()));
    this.#timer = setTimeout(() => this.#look(), waitMs);
  }

  #look(): void {
    const nowMs = this.#on.clock.monotonicMs();
    if (nowMs < this.#dueMs()) this.#arm();
    else if (nowMs >= this.#endMs) this.#on.outOfTime();
    else if (this.#slowSinceMs !== null) this.#on.clientStalled();
    else this.#on.supplierSilent(this.#timeouts.supplierSilentMsMax);
  }
}
