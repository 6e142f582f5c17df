/** Credit follows the client: what it has not taken is not asked for from the supplier. */
import { STREAM_CREDIT_BYTES } from "#protocol/link-records.ts";
import type { Attempt } from "./delivery-port.ts";
import type { Watch } from "./delivery-time.ts";
import type { GrantPacer } from "./grant-pacer.ts";

/** So much is granted at once, whatever the pace: the supplier never runs dry while a client keeps up. */
export const GRANT_BYTES_AT_ONCE = STREAM_CREDIT_BYTES / 4;

export class Credit {
  readonly #watch: Watch;
  readonly #pacer: GrantPacer | null;
  #attempt: Attempt | null = null;
  #ungrantedBytes = 0;
  #slow = false;
  #isWaiting = false;

  /** Without a pacer everything is granted at once. */
  constructor(watch: Watch, pacer: GrantPacer | null = null) {
    this.#watch = watch;
    this.#pacer = pacer;
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
    if (taken && !this.#slow) this.#grantPaced();
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

  /** The pacer's moment has come. */
  due(): void {
    this.#isWaiting = false;
    if (!this.#slow) this.#grant();
  }

  /** A grant for every token would be a record up for every record down. */
  #grantPaced(): void {
    if (this.#pacer === null || this.#ungrantedBytes >= GRANT_BYTES_AT_ONCE) this.#grant();
    else if (!this.#isWaiting && this.#ungrantedBytes > 0) {
      this.#isWaiting = true;
      this.#pacer.add(this);
    }
  }

  #grant(): void {
    if (this.#ungrantedBytes > 0) this.#attempt?.grant(this.#ungrantedBytes);
    this.#ungrantedBytes = 0;
  }
}
