/** A buyer's API keys: the one in use, and those that count no more. */
import type { Random } from "#simulation/random.ts";

export class KeyRing {
  #current: string;
  readonly #revoked: string[] = [];

  constructor(first: string) {
    this.#current = first;
  }

  get current(): string {
    return this.#current;
  }

  /** Uses another key from now on. */
  change(next: string): void {
    this.#current = next;
  }

  /** The exchange has confirmed that the key is revoked. */
  revoked(key: string): void {
    this.#revoked.push(key);
  }

  /** One that somebody found after it was revoked; null while there is none. */
  stolen(random: Random): string | null {
    return this.#revoked.length === 0 ? null : random.pick(this.#revoked);
  }
}
