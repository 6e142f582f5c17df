/**
 * A second set of books, kept from the events' postings alone: what is in each account of the ledger,
 * and how much of each asset went from one kind of place to another, by kind of event.
 */
import type { CoreEvent } from "#exchange/core/events.ts";
import type { Ledger, Posting } from "#exchange/core/ledger/ledger.ts";

/** One row of the flow of an asset: "trade: available -> escrow". */
export interface Flow {
  asset: "USD" | "tokens";
  kind: string;
  from: string;
  to: string;
  movements: number;
  amount: bigint;
}

export class DayBooks {
  readonly flows = new Map<string, Flow>();
  readonly events = new Map<string, number>();
  readonly #balances = new Map<string, bigint>();
  readonly #holds = new Map<string, { account: string; amount: bigint }>();

  /** Takes an event's postings in; what cannot be, as sentences. */
  take(event: CoreEvent): string[] {
    this.events.set(event.type, (this.events.get(event.type) ?? 0) + 1);
    if (!("postings" in event)) return [];
    return event.postings.flatMap((posting) => this.#post(event.type, posting));
  }

  /** Where the ledger differs from these books. */
  differences(ledger: Ledger): string[] {
    const problems: string[] = [];
    const seen = new Set<string>();
    for (const { name, credits, debits } of ledger.accounts()) {
      seen.add(name);
      const ours = this.#balances.get(name) ?? 0n;
      if (ours !== credits - debits) {
        problems.push(`${name}: the ledger has ${credits - debits}, the postings give ${ours}`);
      }
    }
    for (const [name, balance] of this.#balances) {
      if (!seen.has(name) && balance !== 0n)
        problems.push(`${name}: ${balance} is not in the ledger`);
    }
    return problems;
  }

  /** What all accounts of a kind hold together: `available`, `escrow`, ... */
  total(kind: string): bigint {
    let sum = 0n;
    for (const [name, balance] of this.#balances) if (kindOf(name) === kind) sum += balance;
    return sum;
  }

  /** What moved between two kinds of place, of one kind of event or all. */
  moved(from: string, to: string, kind: string | null = null): bigint {
    let sum = 0n;
    for (const flow of this.flows.values()) {
      const isIt = flow.from === from && flow.to === to && (kind === null || flow.kind === kind);
      if (isIt) sum += flow.amount;
    }
    return sum;
  }

  #post(kind: string, posting: Posting): string[] {
    if (posting.kind === "hold") {
      const hold = this.#holds.get(posting.hold) ?? { account: posting.from, amount: 0n };
      hold.amount += posting.amount;
      this.#holds.set(posting.hold, hold);
      return hold.account === posting.from ? [] : [`${posting.hold} is held on two accounts`];
    }
    if (posting.kind === "move") {
      this.#move(kind, posting.from, posting.to, posting.amount);
      return [];
    }
    const hold = this.#holds.get(posting.hold);
    if (hold === undefined) return [`${posting.hold} was never held`];
    hold.amount -= posting.amount;
    if (hold.amount === 0n) this.#holds.delete(posting.hold);
    if (posting.kind === "post") this.#move(kind, hold.account, posting.to, posting.amount);
    return hold.amount < 0n ? [`${posting.hold} gave more than it held`] : [];
  }

  #move(kind: string, from: string, to: string, amount: bigint): void {
    this.#balances.set(from, (this.#balances.get(from) ?? 0n) - amount);
    this.#balances.set(to, (this.#balances.get(to) ?? 0n) + amount);
    const [source, target] = [kindOf(from), kindOf(to)];
    const key = `${kind} ${source} ${target}`;
    let flow = this.flows.get(key);
    if (flow === undefined) {
      const asset = from.includes("/") ? "tokens" : "USD";
      flow = { asset, kind, from: source, to: target, movements: 0, amount: 0n };
      this.flows.set(key, flow);
    }
    flow.movements += 1;
    flow.amount += amount;
  }
}

/** `12:avail` is "available", `lot3/text-lite:tokens` "Lots", `exch:fees` "fees". */
export function kindOf(name: string): string {
  const kept = name.slice(name.indexOf(":") + 1);
  return { avail: "available", tokens: "Lots", escrow: "escrow" }[kept] ?? kept;
}
