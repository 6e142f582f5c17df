/**
 * What events may and may not say, held against the simplest bookkeeping there is: lists of resting
 * orders, open deliveries and Lots, ids that were used. Reads events only, so a wrong event is seen
 * even when the state it leads to is consistent.
 */
import type { CoreEvent } from "#exchange/core/events.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { BondChecks } from "./event-checks/bonds.ts";
import { CoverChecks } from "./event-checks/cover.ts";
import { DeliveryChecks } from "./event-checks/deliveries.ts";
import { LotChecks } from "./event-checks/lots.ts";
import { OrderChecks } from "./event-checks/orders.ts";
import { Past } from "./event-checks/past.ts";
import { RequestChecks } from "./event-checks/requests.ts";

export class EventChecks {
  readonly #past: Past;
  readonly #checks: { see(event: CoreEvent): Iterable<string> }[];

  /**
   * Starts from a state that was proven by other means. What no state keeps is taken over from the
   * checks before, as far as their events are in that state.
   */
  constructor(state: CoreState, before: EventChecks | null = null) {
    this.#past = new Past(before?.past ?? null, state);
    this.#checks = [
      new OrderChecks(state),
      new RequestChecks(state, this.#past),
      new DeliveryChecks(state, this.#past),
      new LotChecks(state, this.#past),
      new BondChecks(state),
      new CoverChecks(state),
    ];
  }

  get past(): Past {
    return this.#past;
  }

  /** What is wrong with an event, as sentences. */
  see(event: CoreEvent): string[] {
    const problems = this.#checks.flatMap((check) => [...check.see(event)]);
    this.#past.take(event);
    return problems;
  }
}
