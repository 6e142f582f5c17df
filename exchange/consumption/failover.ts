/** Whether another supplier is asked after one has failed before the first byte. */
import type { AttemptTime } from "./attempt-time.ts";
import type { Booked, Booking, Reserved } from "./booking.ts";

/**
 * What a supplier may say of a request without being blamed. It is believed when a second one says the
 * same: said alone it would be a way to be excused at will.
 */
export type Saying = "refused-alone" | "empty-alone";

export class Failover {
  readonly #booking: Booking;
  readonly #time: AttemptTime;
  readonly #said = new Set<Saying>();

  constructor(booking: Booking, time: AttemptTime) {
    this.#booking = booking;
    this.#time = time;
  }

  /** Another supplier after a failure; null when there is no time for one. */
  after(reserved: Reserved, cause: string): Booked | null {
    return this.#time.isEnoughForAnother ? this.#booking.retry(reserved, cause) : null;
  }

  /** Another supplier after the first that says this; null when two say it, or nobody else can be asked. */
  afterSaying(reserved: Reserved, saying: Saying): Extract<Booked, { ok: true }> | null {
    if (this.#said.has(saying)) return null;
    const booked = this.after(reserved, saying);
    if (booked?.ok !== true) return null;
    this.#said.add(saying);
    return booked;
  }

  /** Another supplier was asked because of this; when it says so too, two have. */
  wasDoubted(saying: Saying): boolean {
    return this.#said.has(saying);
  }
}
