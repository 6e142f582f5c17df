/** Money and Units, summed from postings by the few rules there are; deliberately not the exchange's ledger. */
import type { Posting } from "#exchange/core/ledger/ledger.ts";

export class Postings {
  readonly #balances = new Map<string, bigint>();
  readonly #held = new Map<string, bigint>();
  readonly #holds = new Map<string, { account: string; amount: bigint }>();

  balance(account: string): bigint {
    return this.#balances.get(account) ?? 0n;
  }

  held(account: string): bigint {
    return this.#held.get(account) ?? 0n;
  }

  /** Every account that ever moved, with what is on it. */
  balances(): Iterable<[account: string, amount: bigint]> {
    return this.#balances;
  }

  /** Holds that have something in them. */
  *holds(): Iterable<[hold: string, amount: bigint]> {
    for (const [name, { amount }] of this.#holds) if (amount !== 0n) yield [name, amount];
  }

  /** Takes an event's postings; a sentence when they cannot be. */
  take(postings: readonly Posting[]): string | null {
    for (const posting of postings) {
      if (posting.amount <= 0n) return `moves ${posting.amount}`;
      if (posting.kind === "move") this.#move(posting.from, posting.to, posting.amount);
      else if (posting.kind === "hold") {
        const hold = this.#holds.get(posting.hold) ?? { account: posting.from, amount: 0n };
        hold.amount += posting.amount;
        this.#holds.set(posting.hold, hold);
        add(this.#held, hold.account, posting.amount);
      } else {
        const hold = this.#holds.get(posting.hold);
        if (hold === undefined || hold.amount < posting.amount) {
          return `takes ${posting.amount} from hold ${posting.hold}, which has ${hold?.amount ?? 0n}`;
        }
        hold.amount -= posting.amount;
        add(this.#held, hold.account, -posting.amount);
        if (posting.kind === "post") this.#move(hold.account, posting.to, posting.amount);
      }
    }
    return null;
  }

  #move(from: string, to: string, amount: bigint): void {
    add(this.#balances, from, -amount);
    add(this.#balances, to, amount);
  }
}

function add(sums: Map<string, bigint>, account: string, amount: bigint): void {
  sums.set(account, (sums.get(account) ?? 0n) + amount);
}
