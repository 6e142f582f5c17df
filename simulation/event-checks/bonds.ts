/** Bond: a new Lot has all that its policy asks for behind it, or all that its supplier had left. */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { CoreState } from "#exchange/core/state.ts";

const isBond = (account: string) => account.endsWith(":bond");

export class BondChecks {
  readonly #free = new Map<string, bigint>();
  readonly #homes = new Map<string, string>();
  #marginBps: number;

  constructor(state: CoreState) {
    this.#marginBps = state.policy?.bondMarginBps ?? 0;
    for (const { name, credits, debits, held } of state.ledger.accounts()) {
      if (isBond(name)) this.#free.set(name, credits - debits - held);
    }
    for (const [name, { account }] of state.ledger.holds()) {
      if (isBond(account.name)) this.#homes.set(name, account.name);
    }
  }

  *see(event: CoreEvent): Generator<string> {
    if (event.type === "policy-adopted") this.#marginBps = event.policy.bondMarginBps;
    if (!("postings" in event)) return;
    for (const posting of event.postings) this.#book(posting);
    // Units that are sold on bring the bond behind them along.
    if (event.type === "trade" && event.resold.length === 0) yield* this.#trade(event);
  }

  #book(posting: Posting): void {
    const { kind, amount } = posting;
    if (kind === "hold") {
      if (isBond(posting.from)) this.#homes.set(posting.hold, posting.from);
      this.#add(posting.from, -amount);
    } else if (kind === "void") this.#add(this.#homes.get(posting.hold) ?? "", amount);
    else {
      if (kind === "move") this.#add(posting.from, -amount);
      this.#add(posting.to, amount);
    }
  }

  #add(account: string, amount: bigint): void {
    if (isBond(account)) this.#free.set(account, (this.#free.get(account) ?? 0n) + amount);
  }

  *#trade({ lot, seller, valueMicros, postings }: EventOf<"trade">): Generator<string> {
    const needed = (valueMicros * BigInt(this.#marginBps) + 9_999n) / 10_000n;
    let bonded = 0n;
    for (const posting of postings) {
      if (posting.kind === "hold" && posting.hold === `lot${lot}:margin`) bonded += posting.amount;
    }
    const left = this.#free.get(`${seller}:bond`) ?? 0n;
    if (bonded > needed || (bonded < needed && left > 0n)) {
      yield `Lot ${lot} has ${bonded} of ${needed} bond behind it, ${left} more are free`;
    }
  }
}
