/** Credit follows the client: what it has not taken is not asked for from the supplier. */
import type { Attempt } from "./delivery-port.ts";
import type { Watch } from "./delivery-time.ts";

export class Credit {
  readonly #watch: Watch;
  #attempt: Attempt | null = null;
  #ungrantedBytes = 0;
  #slow = false;

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** Another attempt begins, with its initial credit untouched. */
  attach(attempt: Attempt): void {
    this.#attempt = attempt;
    this.#ungrantedBytes = 0;
  }

  /** The supplier used some of its credit. */
  used(bytes: number): void {
    this.#ungrantedBytes += bytes;
  }

  /** What was used went on to the client; `taken` is false when the client is slow. */
  forwarded(taken: boolean): void {
    if (taken && !this.#slow) this.#grant();
    else if (!this.#slow) {
      this.#slow = true;
      this.#watch.clientSlow();
    }
  }

  /** The client took what was written. */
  drained(): void {
    if (!this.#slow) return;
    this.#slow = false;
    this.#watch.clientTakes();
    this.#grant();
  }

  #grant(): void {
    if (this.#ungrantedBytes > 0) this.#attempt?.grant(this.#ungrantedBytes);
    this.#ungrantedBytes = 0;
  }
}
