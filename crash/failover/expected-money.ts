/**
 * Where the money of a run should be, account by account: summed from prices, tokens and deposits, and
 * held against what the postings of the journal moved.
 */
import { Postings } from "#crash/postings.ts";
import type { EventOf } from "#exchange/core/events.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { PricedTokens } from "./plain-prices.ts";

interface LotMoney {
  tokens: bigint;
  valueMicros: bigint;
  usedTokens: bigint;
  paidMicros: bigint;
}

const COVER = "exch:cover";
const TOKENS_PER_UNIT = 1_000_000n;
const GUARANTY = "exch:guaranty";
/** Where a charge is taken from, in order. */
const SOURCES = ["pending", "holdback", "bond"];
/** Holds of requests: none may outlive them. */
const REQUEST_HOLD = /^(charge|delivery|bid)\d/;

export class ExpectedMoney {
  readonly postings = new Postings();
  readonly incrementTokens = new Map<string, number>();
  readonly #expected = new Map<string, bigint>();
  readonly #lots = new Map<number, LotMoney>();
  #problems: string[] = [];

  takeProblems(): string[] {
    return this.#problems.splice(0);
  }

  /** Moves what an event's postings say; called after the event itself was taken. */
  post(postings: readonly Posting[]): void {
    const problem = this.postings.take(postings);
    if (problem !== null) this.#problems.push(problem);
  }

  moved(from: string, to: string, micros: bigint): void {
    this.#add(from, -micros);
    this.#add(to, micros);
  }

  /** A window's charge, from the same sources as any; how much of it was there. */
  windowCharged(supplier: number, micros: bigint): bigint {
    let left = micros;
    for (const kind of SOURCES) {
      const free = this.free(`${supplier}:${kind}`);
      const taken = free < left ? free : left;
      left -= taken;
      this.moved(`${supplier}:${kind}`, GUARANTY, taken);
    }
    return micros - left;
  }

  credited(buyer: number, micros: bigint): void {
    this.moved(GUARANTY, `${buyer}:avail`, micros);
  }

  paidIn(event: EventOf<"funds-deposited"> | EventOf<"exchange-funded">): void {
    const account =
      event.type === "exchange-funded"
        ? `exch:${event.fund}`
        : `${event.account}:${event.to === "bond" ? "bond" : "avail"}`;
    this.#add(account, event.amountMicros);
  }

  traded(event: EventOf<"trade">, tickMicrosPerUnit: number): void {
    const { symbol, priceTicks, quantity, lot, buyer, seller } = event;
    const { buyerFeeMicros, sellerFeeMicros } = event;
    const tokens = BigInt(quantity) * BigInt(this.incrementTokens.get(symbol) ?? 0);
    const value = (tokens * BigInt(priceTicks) * BigInt(tickMicrosPerUnit)) / TOKENS_PER_UNIT;
    if (value !== event.valueMicros) {
      this.#problems.push(`trade ${event.trade} is worth ${value}, not ${event.valueMicros}`);
    }
    this.#lots.set(lot, { tokens, valueMicros: value, usedTokens: 0n, paidMicros: 0n });
    this.#add(buyer === 0 ? COVER : `${buyer}:avail`, -value - buyerFeeMicros);
    this.#add(`lot${lot}:escrow`, value);
    this.#add(`${seller}:avail`, -sellerFeeMicros);
    this.#add("exch:fees", buyerFeeMicros + sellerFeeMicros);
  }

  /** A part of a Lot becomes another, at the same price. */
  split({ lot, into, tokens, valueMicros }: EventOf<"lot-split">): void {
    const whole = this.#lot(lot);
    whole.tokens -= BigInt(tokens);
    whole.valueMicros -= valueMicros;
    this.#lots.set(into, {
      ...{ tokens: BigInt(tokens), valueMicros, usedTokens: 0n, paidMicros: 0n },
    });
    this.moved(`lot${lot}:escrow`, `lot${into}:escrow`, valueMicros);
  }

  /** Takes tokens off Lots in order, each at the cumulative floor of its own price; what they cost. */
  used(parts: readonly PricedTokens[], tokens: number, to: string): bigint {
    let left = BigInt(tokens);
    let sum = 0n;
    for (const part of parts) {
      const here = left < BigInt(part.tokens) ? left : BigInt(part.tokens);
      left -= here;
      const lot = this.#lot(part.lot);
      lot.usedTokens += here;
      const paid = (lot.valueMicros * lot.usedTokens) / lot.tokens;
      const cost = paid - lot.paidMicros;
      lot.paidMicros = paid;
      this.#add(`lot${part.lot}:escrow`, -cost);
      this.#add(to, cost);
      sum += cost;
    }
    return sum;
  }

  /** The same for cover, whose Lots end with it: the exchange has back what was not used. */
  coverUsed(parts: readonly PricedTokens[], tokens: number, supplier: number): bigint {
    const cost = this.used(parts, tokens, `${supplier}:pending`);
    for (const part of parts) {
      const lot = this.#lot(part.lot);
      const rest = lot.valueMicros - lot.paidMicros;
      this.#add(`lot${part.lot}:escrow`, -rest);
      this.#add(COVER, rest);
    }
    return cost;
  }

  /** A charge is set aside as far as the supplier has it. */
  setAside({ delivery, supplier, chargeMaxMicros, postings }: EventOf<"attempt-failed">): void {
    let held = 0n;
    for (const posting of postings) {
      if (posting.kind === "hold" && posting.hold.startsWith(`charge${delivery}:`)) {
        held += posting.amount;
      }
    }
    const there = SOURCES.reduce((sum, kind) => sum + this.free(`${supplier}:${kind}`), 0n);
    const expected = there < chargeMaxMicros ? there : chargeMaxMicros;
    if (held === expected) return;
    this.#problems.push(`delivery ${delivery} set ${held} aside, expected ${expected}`);
  }

  /** A charge comes from the window's pay, then what is held back, then the bond; never more than is there. */
  charged(event: EventOf<"supplier-charged">, to: string): void {
    const { supplier, amountMicros, owedMicros, guarantyMicros, postings } = event;
    let left = amountMicros;
    for (const kind of SOURCES) {
      const from = `${supplier}:${kind}`;
      const free = this.free(from);
      const taken = free < left ? free : left;
      left -= taken;
      this.moved(from, to, taken);
      let moved = 0n;
      for (const posting of postings) {
        if (posting.kind === "move" && posting.from === from) moved += posting.amount;
      }
      if (moved !== taken) {
        this.#problems.push(`a charge took ${moved} from ${from}, expected ${taken}`);
      }
    }
    if (owedMicros !== 0n || guarantyMicros !== 0n || left !== 0n) {
      this.#problems.push(`supplier ${supplier} has bond enough and yet owes ${owedMicros}`);
    }
  }

  problemsWhenIdle(): string[] {
    const problems: string[] = [];
    for (const [account, micros] of this.#expected) {
      // Accounts in tokens are no part of it.
      if (account.includes("/")) continue;
      const is = this.postings.balance(account);
      if (is !== micros) problems.push(`${account} has ${is}, expected ${micros}`);
    }
    const sums = new Map<string, bigint>();
    for (const [account, amount] of this.postings.balances()) {
      // Accounts in tokens carry their instrument: `7/text-lite:issued`.
      const asset = /\/(.+):/.exec(account)?.[1] ?? "USD";
      sums.set(asset, (sums.get(asset) ?? 0n) + amount);
    }
    for (const [asset, sum] of sums) if (sum !== 0n) problems.push(`${asset} sums to ${sum}`);
    for (const [hold, amount] of this.postings.holds()) {
      if (REQUEST_HOLD.test(hold)) problems.push(`hold ${hold} still has ${amount}`);
    }
    return problems;
  }

  /** What nothing is held of, before the postings of the event at hand. */
  free(account: string): bigint {
    const free = this.postings.balance(account) - this.postings.held(account);
    return free > 0n ? free : 0n;
  }

  #lot(number: number): LotMoney {
    const lot = this.#lots.get(number);
    if (lot === undefined) throw new Error(`the journal never said that Lot ${number} was bought`);
    return lot;
  }

  #add(account: string, micros: bigint): void {
    this.#expected.set(account, (this.#expected.get(account) ?? 0n) + micros);
  }
}
