/** The one end of a delivery: paid for what was metered, or free; the client is told once it is durable. */
import type { Clock } from "#exchange/clock.ts";
import type { Measured } from "#exchange/core/sla/verdict.ts";
import type { DeliveryEnd } from "#protocol/link-messages.ts";
import type { AttemptOutput } from "./attempt-output.ts";
import type { Booking, Reserved } from "./booking.ts";
import type { Client } from "./delivery-client.ts";

/** What there is to settle. */
export interface Served {
  reserved: Reserved;
  output: AttemptOutput;
  measured: Measured;
  finishReason: string | null;
  cause: string;
  end: DeliveryEnd | null;
  choices: readonly object[] | null;
  /** When its first output came, on the monotonic clock. */
  firstMs: number | null;
  hasBegun: boolean;
}

export interface EndingDependencies {
  booking: Booking;
  client: Client;
  clock: Clock;
  /** When the request was admitted, on the monotonic clock. */
  startedMs: number;
  /** The delivery is over, and the client knows. */
  onOver(): void;
}

export class Ending {
  readonly #on: EndingDependencies;
  #isOver = false;

  constructor(dependencies: EndingDependencies) {
    this.#on = dependencies;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  async settle(served: Served): Promise<void> {
    if (this.#isOver) return;
    const { booking, client, clock, startedMs } = this.#on;
    const { reserved, output, finishReason, end, firstMs } = served;
    const { promptTokens } = reserved.reservation;
    const completionTokens = output.tokens();
    const outcome = {
      reserved,
      promptTokens,
      completionTokens,
      finishes: output.finishes,
      finishReason: finishReason ?? "stop",
      choices: served.choices,
    };
    // A prompt alone earns nothing, or an empty answer would be the cheapest way to earn it.
    if (completionTokens === 0) {
      const told = () => client.end(outcome);
      return this.release(reserved, { verdict: "excused", cause: "empty-answer" }, told);
    }
    this.#isOver = true;
    const reported = end?.reportedCompletionTokens ?? null;
    const settled = await booking.settle(reserved, {
      promptTokens,
      completionTokens,
      firstTokenMs: firstMs === null ? null : Math.round(firstMs - startedMs),
      durationMs: Math.round(clock.monotonicMs() - startedMs),
      measured: served.measured,
      reportedTokens: reported === null ? null : (end?.reportedPromptTokens ?? 0) + reported,
      outputSha256: end?.outputSha256 ?? null,
      finishReason,
      cause: served.cause,
    });
    const message = "the delivery could not be settled";
    if (settled) client.end(outcome);
    else if (served.hasBegun) client.abort(message);
    else client.refuse("supplier-failed", message);
    this.#on.onOver();
  }

  /** Gives the reservation back; `tell` runs once that is durable. */
  async release(
    reserved: Reserved,
    why: { verdict: "failed" | "excused"; cause: string; completionTokens?: number },
    tell: () => void = () => {},
  ): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#on.booking.release(reserved, { completionTokens: 0, ...why });
    tell();
    this.#on.onOver();
  }
}
