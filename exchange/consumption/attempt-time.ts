/** The time of the attempt that runs: what it may take, and whether it is to blame for taking longer. */
import type { Clock } from "#exchange/clock.ts";
import type { CoreState } from "#exchange/core/state.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Attempt, DeliveryDependencies } from "./delivery-port.ts";
import { ATTEMPT_MS_MIN, type TimeLimits, timeLimitsOf } from "./delivery-time.ts";
import { blamedFor } from "./measured.ts";

export class AttemptTime {
  /** When the delivery began, on the monotonic clock. */
  readonly startedMs: number;
  readonly #clock: Clock;
  #limits: TimeLimits | null = null;
  #attemptMs = 0;
  #firstMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.startedMs = clock.monotonicMs();
  }

  /** An attempt begins. */
  start(
    state: CoreState,
    request: Pick<ChatRequest, "symbol" | "streamed">,
    maxOutputTokens: number,
  ): TimeLimits {
    this.#attemptMs = this.#clock.monotonicMs();
    this.#firstMs = null;
    const elapsedMs = this.#attemptMs - this.startedMs;
    this.#limits = timeLimitsOf(state, request, maxOutputTokens, elapsedMs);
    return this.#limits;
  }

  /** Some of the answer came. */
  came(): void {
    this.#firstMs ??= this.#clock.monotonicMs();
  }

  /** When the first of it came, on the monotonic clock. */
  get firstMs(): number | null {
    return this.#firstMs;
  }

  /** When the whole delivery must be over, on the monotonic clock. */
  get endMs(): number {
    return this.startedMs + (this.#limits?.deliveryMsMax ?? 0);
  }

  /** Whether there is time to ask another supplier. */
  get isEnoughForAnother(): boolean {
    const elapsedMs = this.#clock.monotonicMs() - this.startedMs;
    return elapsedMs + ATTEMPT_MS_MIN <= (this.#limits?.firstByteMsMax ?? 0);
  }

  /** How long so much output may take at the instrument's floor. */
  expectedMs(tokens: number): number {
    const floor = this.#limits?.tokensPerSecondMin ?? 0;
    return floor > 0 ? (tokens / floor) * 1_000 : Number.POSITIVE_INFINITY;
  }

  /** The cause of a failure, unless the exchange was slow or the delivery's time ended before the attempt's own. */
  blamed(code: string, attempt: Attempt | null, load: DeliveryDependencies["load"]): string {
    const { fairMs = 0, firstTokenTimeoutMs = 0 } = this.#limits ?? {};
    const sentMs = Math.max(this.#attemptMs, attempt?.clock().dispatchedMs ?? 0);
    const isCutShort =
      (code === "time-limit" && this.#clock.monotonicMs() - sentMs < fairMs) ||
      (code === "timeout" && this.#firstMs === null && firstTokenTimeoutMs < fairMs);
    return isCutShort ? "request-deadline" : blamedFor(code, load);
  }
}
