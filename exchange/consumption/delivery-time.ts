/** How long a delivery may wait for whom: the supplier, the client, and in all. */
import type { Clock } from "#exchange/clock.ts";
import type { CoreState } from "#exchange/core/state.ts";
import type { ChatRequest } from "./chat-request.ts";

export interface DeliveryTimeouts {
  /** Silence of a supplier in mid-answer after which the attempt has failed. */
  supplierSilentMsMax: number;
  /** How long a client may take nothing before it counts as gone. */
  clientStalledMsMax: number;
  /** Output may be as slow as it likes for so long; then the hard stop is looked at. */
  slowMsMin: number;
}

export const DEFAULT_TIMEOUTS: DeliveryTimeouts = {
  supplierSilentMsMax: 30_000,
  clientStalledMsMax: 60_000,
  slowMsMin: 30_000,
};
/** The hard stop: output that takes this many times as long as the instrument's floor allows. */
const HARD_STOP_FACTOR = 10;

/** A first token that takes this many times the instrument's ceiling is not waited for. */
const FIRST_TOKEN_PATIENCE = 3;
const FIRST_TOKEN_TIMEOUT_MS_MIN = 10_000;
/** An answer that is not streamed may come at this part of the instrument's speed, while there is time. */
const WHOLE_ANSWER_PATIENCE = 2;
/** Before the first byte: suppliers that get their whole time, one after the other … */
const ATTEMPTS_WAITED_FOR = 3;
/** … with so much between two of them, for a failover and the wait for a slot … */
const FAILOVER_MS = 1_000;
/** … and what no attempt takes from those behind it, beyond what its instrument promises. */
const NEXT_ATTEMPTS_SHARE = 1 / 2;
/** With less time left than this no further supplier is asked. */
export const ATTEMPT_MS_MIN = 1_000;
/** The core takes a reservation back by itself; the delivery ends this much sooner. */
const SETTLEMENT_MARGIN_MS = 10_000;
/** Where no policy was adopted yet. */
const DELIVERY_MS_MAX = 590_000;

/** The time of one attempt, and of the delivery it is part of; the latter from its start. */
export interface TimeLimits {
  /** What the attempt gets to its first output. */
  firstTokenTimeoutMs: number;
  /** What it should have got: it is not blamed where the delivery's time ended sooner. */
  fairMs: number;
  /** All attempts before the first byte. */
  firstByteMsMax: number;
  deliveryMsMax: number;
  /** The instrument's floor, for the hard stop. */
  tokensPerSecondMin: number;
}

/** The time limits of an attempt that begins so long after its delivery did. */
export function timeLimitsOf(
  state: CoreState,
  request: Pick<ChatRequest, "symbol" | "streamed">,
  maxOutputTokens: number,
  elapsedMs: number,
): TimeLimits {
  const instrument = state.instruments.get(request.symbol)?.instrument;
  const tokensPerSecondMin = instrument?.tokensPerSecondMin ?? 0;
  const deliveryMsMax = Math.max(
    1_000,
    (state.policy?.deliveryTimeMsMax ?? DELIVERY_MS_MAX) - SETTLEMENT_MARGIN_MS,
  );
  const first = FIRST_TOKEN_PATIENCE * (instrument?.firstTokenMsMax ?? 0);
  const firstMs = Math.max(FIRST_TOKEN_TIMEOUT_MS_MIN, first);
  // The first record of an answer that is not streamed comes when the last token is made.
  const isWhole = !request.streamed && tokensPerSecondMin > 0;
  const outputMs = isWhole ? (maxOutputTokens / tokensPerSecondMin) * 1_000 : 0;
  const fairMs = Math.ceil(firstMs + outputMs);
  const firstByteMsMax = Math.min(deliveryMsMax, ATTEMPTS_WAITED_FOR * (fairMs + FAILOVER_MS));
  const leftMs = firstByteMsMax - elapsedMs;
  const patientMs = firstMs + outputMs * WHOLE_ANSWER_PATIENCE;
  const shareMs = Math.max(fairMs, leftMs * NEXT_ATTEMPTS_SHARE);
  const firstTokenTimeoutMs = Math.ceil(Math.max(1, Math.min(patientMs, shareMs, leftMs)));
  return { firstTokenTimeoutMs, fairMs, firstByteMsMax, deliveryMsMax, tokensPerSecondMin };
}

export interface WatchDependencies {
  clock: Clock;
  supplierSilent(ms: number): void;
  /** How long the output so far may take at the instrument's floor. */
  expectedMs(): number;
  supplierTooSlow(): void;
  clientStalled(): void;
  outOfTime(): void;
}

/** One timer per delivery that looks when something may be due, so that a record costs no timer. */
export class Watch {
  readonly #timeouts: DeliveryTimeouts;
  readonly #on: WatchDependencies;
  #timer: NodeJS.Timeout | undefined;
  #endMs = 0;
  #firstMs = 0;
  /** Generating time at which the hard stop is looked at next. */
  #hardStopMs = 0;
  #spokeMs: number | null = null;
  #slowSinceMs: number | null = null;
  #clientWaitMs = 0;

  constructor(timeouts: DeliveryTimeouts, dependencies: WatchDependencies) {
    this.#timeouts = timeouts;
    this.#on = dependencies;
  }

  /** A new attempt; `endMs` is when it must have begun to answer, on the monotonic clock. */
  start(endMs: number): void {
    this.#endMs = endMs;
    this.#hardStopMs = this.#timeouts.slowMsMin;
    this.#spokeMs = null;
    this.#slowSinceMs = null;
    this.#clientWaitMs = 0;
    this.#arm();
  }

  /** The answer begins to go out; from now on the whole delivery must be over by `endMs`. */
  begun(endMs: number): void {
    if (this.#endMs === 0) return;
    this.#endMs = endMs;
    this.#arm();
  }

  /** Some of the answer came. */
  supplierSpoke(): void {
    const first = this.#spokeMs === null;
    this.#spokeMs = this.#on.clock.monotonicMs();
    if (!first) return;
    this.#firstMs = this.#spokeMs;
    this.#arm();
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
    if (this.#spokeMs === null) return this.#endMs;
    return Math.min(this.#endMs, this.#spokeMs + supplierSilentMsMax, this.#hardStopAtMs());
  }

  /** The time in which the client was waited for is not the supplier's. */
  #hardStopAtMs(): number {
    return this.#firstMs + this.#clientWaitMs + this.#hardStopMs;
  }

  #lookAtSpeed(): void {
    const allowedMs = HARD_STOP_FACTOR * this.#on.expectedMs();
    if (allowedMs <= this.#hardStopMs) {
      this.#on.supplierTooSlow();
      return;
    }
    // There will only be more output: it cannot be too slow before.
    this.#hardStopMs = allowedMs;
    this.#arm();
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
    else this.#lookAtSupplier(nowMs);
  }

  #lookAtSupplier(nowMs: number): void {
    const { supplierSilentMsMax } = this.#timeouts;
    const isSilent = this.#spokeMs !== null && nowMs >= this.#spokeMs + supplierSilentMsMax;
    if (isSilent) this.#on.supplierSilent(supplierSilentMsMax);
    else this.#lookAtSpeed();
  }
}
