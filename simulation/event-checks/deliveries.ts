/** Deliveries: reserved on what is theirs, ended once, billed once, and for no more than was metered. */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import type { CoreState, Delivery } from "#exchange/core/state.ts";
import type { Past } from "./past.ts";

type Open = Pick<Delivery, "parts" | "requestId" | "attempt" | "timeoutAtMs"> & {
  /** Under cover: the buyer's own Lots, which pay. */
  own: Delivery["parts"] | null;
};

export class DeliveryChecks {
  readonly #past: Past;
  readonly #deliveries = new Map<number, Open>();
  #timeMsMax: number;

  constructor(state: CoreState, past: Past) {
    this.#past = past;
    this.#timeMsMax = state.policy?.deliveryTimeMsMax ?? 0;
    for (const delivery of state.deliveries.values()) {
      const { parts, requestId, attempt, timeoutAtMs, owed } = delivery;
      const own = owed?.parts ?? null;
      this.#deliveries.set(delivery.number, { parts, requestId, attempt, timeoutAtMs, own });
    }
  }

  *see(event: CoreEvent): Generator<string> {
    switch (event.type) {
      case "policy-adopted":
        this.#timeMsMax = event.policy.deliveryTimeMsMax;
        break;
      case "delivery-reserved":
        yield* this.#reserve(event);
        break;
      case "delivery-settled":
        yield* this.#settle(event);
        break;
      case "delivery-released":
        yield* this.#end(event.delivery);
        break;
      case "lot-expired":
      case "lot-closed-out":
      case "lot-consumed":
        for (const [number, { parts, own }] of this.#deliveries) {
          if (![...parts, ...(own ?? [])].some((part) => part.lot === event.lot)) continue;
          yield `${event.type}: Lot ${event.lot}, on which delivery ${number} still draws`;
        }
        break;
      case "attempt-failed": {
        const delivery = this.#deliveries.get(event.delivery);
        if (delivery === undefined) break;
        delivery.own = event.remedy === "cover" ? (delivery.own ?? delivery.parts) : null;
        delivery.parts = [];
        break;
      }
      case "cover-settled": {
        const delivery = this.#deliveries.get(event.delivery);
        if (delivery !== undefined) delivery.parts = [];
        break;
      }
    }
  }

  *#reserve(event: EventOf<"delivery-reserved">): Generator<string> {
    const { delivery: number, attempt, atMs, timeoutAtMs, parts, requestId } = event;
    const before = this.#deliveries.get(number);
    const endsAtMs = before?.timeoutAtMs ?? atMs + this.#timeMsMax;
    if (timeoutAtMs !== endsAtMs) {
      yield `delivery ${number} runs out at ${timeoutAtMs}, expected ${endsAtMs}`;
    }
    if (attempt !== (before?.attempt ?? 0) + 1) {
      yield `delivery ${number} has attempt ${attempt} after ${before?.attempt ?? 0}`;
    }
    const own = before?.own ?? null;
    this.#deliveries.set(number, { parts, requestId, attempt, timeoutAtMs, own });
  }

  *#settle(event: EventOf<"delivery-settled">): Generator<string> {
    const { delivery: number, usedTokens, costMicros, parts, atMs, attempt } = event;
    const delivery = this.#deliveries.get(number);
    yield* this.#end(number);
    if (delivery === undefined) return;
    if (attempt !== delivery.attempt) {
      yield `delivery ${number} billed attempt ${attempt}, ${delivery.attempt} ran`;
    }
    const paying = delivery.own ?? delivery.parts;
    const reserved = paying.reduce((sum, part) => sum + part.tokens, 0);
    const metered = event.promptTokens + event.completionTokens;
    if (usedTokens !== Math.min(metered, reserved)) {
      yield `delivery ${number} billed ${usedTokens} of ${reserved} reserved, metered were ${metered}`;
    }
    const tokens = parts.reduce((sum, part) => sum + part.tokens, 0);
    const cost = parts.reduce((sum, part) => sum + part.costMicros, 0n);
    if (tokens !== usedTokens || cost !== costMicros) {
      yield `delivery ${number} billed ${costMicros} for ${usedTokens}, its parts ${cost} for ${tokens}`;
    }
    for (const part of parts) {
      const held = paying.find((each) => each.lot === part.lot)?.tokens ?? 0;
      if (part.tokens > held) yield `delivery ${number} used ${part.tokens} of ${held} on a Lot`;
    }
    if (atMs >= delivery.timeoutAtMs) {
      yield `delivery ${number} was billed at ${atMs}, its time was over at ${delivery.timeoutAtMs}`;
    }
    if (this.#past.billed.has(delivery.requestId)) {
      yield `request ${delivery.requestId} was billed twice`;
    }
    this.#past.billed.set(delivery.requestId, event.seq);
  }

  *#end(delivery: number): Generator<string> {
    if (!this.#deliveries.delete(delivery)) yield `delivery ${delivery} ended twice`;
  }
}
