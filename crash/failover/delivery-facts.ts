/**
 * Every delivery of a journal, followed from its events: who failed it, who served it, on whose Lots,
 * and what each side should have been paid or charged. What an event says otherwise is a problem.
 */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import { ExpectedMoney } from "./expected-money.ts";
import {
  type Fill,
  medianPrice,
  type PricedTokens,
  priceOf,
  rememberFill,
  totalTokens,
  worstGap,
} from "./plain-prices.ts";
import { EXCUSED_ATTEMPTS, SlaFacts } from "./sla-facts.ts";

interface Failure {
  supplier: number;
  cause: string;
  remedy: "lots" | "cover";
  parts: readonly PricedTokens[];
  chargeMaxMicros: bigint;
  /** Most that the policy lets this failure cost. */
  capMicros: bigint;
}

export interface DeliveryFact {
  delivery: number;
  requestId: string;
  account: number;
  symbol: string;
  firstSeq: number;
  firstAtMs: number;
  /** When the supplier that runs now, or served last, was reserved with. */
  servedAtMs: number;
  /** Lots that serve. */
  serving: readonly PricedTokens[];
  /** Lots of the buyer that pay. */
  paying: readonly PricedTokens[];
  isCovered: boolean;
  server: number;
  failures: Failure[];
  cover: EventOf<"cover-settled"> | null;
  end: "open" | "settled" | "released";
  /** Why it was settled or released. */
  endCause: string;
  chargedMicros: bigint;
}

interface Charge {
  supplier: number;
  reason: "cover" | "price-difference";
  amountMicros: bigint;
}

const BASIS_POINTS = 10_000n;
const isSet = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new Error(`the journal never said ${what}`);
  return value;
};

export class DeliveryFacts {
  readonly problems: string[] = [];
  readonly money = new ExpectedMoney();
  readonly sla = new SlaFacts(this.money);
  readonly deliveries = new Map<number, DeliveryFact>();
  readonly #tickMicros = new Map<string, number>();
  readonly #fills = new Map<string, Fill[]>();
  readonly #dueCharges = new Map<number, Charge[]>();
  #chargeBpsMax = 0;

  take(event: CoreEvent): void {
    try {
      this.#take(event);
      this.sla.take(event, this.deliveries);
    } catch (error) {
      this.problems.push(`event ${event.seq} (${event.type}): ${(error as Error).message}`);
    }
    if ("postings" in event) this.money.post(event.postings);
    const problems = [...this.money.takeProblems(), ...this.sla.takeProblems()];
    this.problems.push(...problems.map((text) => `event ${event.seq}: ${text}`));
  }

  /** What must be so while no request is under way. */
  problemsWhenIdle(): string[] {
    const problems = this.problems.splice(0);
    for (const { delivery, end } of this.deliveries.values()) {
      if (end === "open") problems.push(`delivery ${delivery} is open though nobody waits for it`);
    }
    for (const [delivery, charges] of this.#dueCharges) {
      for (const { supplier, amountMicros } of charges) {
        problems.push(`delivery ${delivery}: supplier ${supplier} was not charged ${amountMicros}`);
      }
    }
    const sla = this.sla.standing.problemsWhenIdle();
    return [...problems, ...sla, ...this.money.problemsWhenIdle()];
  }

  #take(event: CoreEvent): void {
    switch (event.type) {
      case "policy-adopted":
        this.#chargeBpsMax = event.policy.sla.coverChargeBpsMax;
        break;
      case "instrument-listed":
        this.#tickMicros.set(event.instrument.symbol, event.instrument.tickMicrosPerUnit);
        this.money.incrementTokens.set(event.instrument.symbol, event.instrument.incrementTokens);
        break;
      case "funds-deposited":
      case "exchange-funded":
        this.money.paidIn(event);
        break;
      case "trade":
        this.#trade(event);
        break;
      case "lot-split":
        this.money.split(event);
        break;
      case "delivery-reserved":
        this.#reserved(event);
        break;
      case "attempt-failed":
        this.#failed(event);
        break;
      case "cover-settled":
        this.#coverSettled(event);
        break;
      case "delivery-settled":
        this.#settled(event);
        break;
      case "supplier-charged":
        this.#charged(event);
        break;
      case "delivery-released":
        Object.assign(this.#of(event.delivery), { end: "released", endCause: event.cause });
        break;
      case "lot-expired":
      case "lot-closed-out":
        this.problems.push(`Lot ${event.lot} ended early: a run is shorter than a Lot's life`);
    }
  }

  #of(number: number): DeliveryFact {
    return isSet(this.deliveries.get(number), `that delivery ${number} was reserved`);
  }

  #trade(event: EventOf<"trade">): void {
    const { symbol, priceTicks, atMs, buyer } = event;
    this.money.traded(event, isSet(this.#tickMicros.get(symbol), `what a tick of ${symbol} is`));
    if (buyer === 0) return;
    const fills = this.#fills.get(symbol) ?? [];
    this.#fills.set(symbol, fills);
    rememberFill(fills, { priceTicks, atMs });
  }

  #reserved(event: EventOf<"delivery-reserved">): void {
    const { delivery, requestId, account, symbol, seq, atMs, parts, supplier } = event;
    const known = this.deliveries.get(delivery);
    if (known === undefined) {
      this.deliveries.set(delivery, {
        ...{ delivery, requestId, account, symbol, firstSeq: seq, firstAtMs: atMs },
        ...{ servedAtMs: atMs, serving: parts, paying: parts, isCovered: false, server: supplier },
        ...{ failures: [], cover: null, end: "open", endCause: "", chargedMicros: 0n },
      });
      return;
    }
    const failure = isSet(known.failures.at(-1), `why delivery ${delivery} was reserved again`);
    known.servedAtMs = atMs;
    known.serving = parts;
    known.server = supplier;
    known.isCovered = failure.remedy === "cover";
    if (!known.isCovered) known.paying = parts;
    if (totalTokens(parts) !== totalTokens(failure.parts)) {
      this.problems.push(
        `delivery ${delivery} reserved ${totalTokens(parts)} tokens the next time`,
      );
    }
    this.#checkAgreed(known, failure);
  }

  /** What was agreed for a failure is the worst that it can come to, and not beyond the policy. */
  #checkAgreed({ delivery, symbol, serving }: DeliveryFact, failure: Failure): void {
    const tickMicros = isSet(this.#tickMicros.get(symbol), `what a tick of ${symbol} is`);
    const { atLeast, atMost } = worstGap(serving, failure.parts, tickMicros);
    const low = atLeast < failure.capMicros ? atLeast : failure.capMicros;
    const high = atMost < failure.capMicros ? atMost : failure.capMicros;
    const { chargeMaxMicros: agreed } = failure;
    const isExcused = EXCUSED_ATTEMPTS.includes(failure.cause);
    if (isExcused ? agreed === 0n : agreed >= low && agreed <= high) return;
    this.problems.push(
      `delivery ${delivery} agreed on ${agreed} for supplier ${failure.supplier}, expected ${low} to ${high}`,
    );
  }

  #failed(event: EventOf<"attempt-failed">): void {
    const { delivery: number, supplier, cause, remedy, chargeMaxMicros, atMs } = event;
    const delivery = this.#of(number);
    const { symbol, serving: parts } = delivery;
    const tickMicros = isSet(this.#tickMicros.get(symbol), `what a tick of ${symbol} is`);
    const tokens = totalTokens(parts);
    const value = priceOf(parts, tokens, tickMicros);
    const median = medianPrice(this.#fills.get(symbol) ?? [], atMs) ?? 0;
    const atMedian = priceOf([{ lot: 0, tokens, priceTicks: median }], tokens, tickMicros);
    const fair = value > atMedian ? value : atMedian;
    const capMicros = (fair * BigInt(this.#chargeBpsMax)) / BASIS_POINTS;
    delivery.failures.push({ supplier, cause, remedy, parts, chargeMaxMicros, capMicros });
    if (supplier !== delivery.server) {
      this.problems.push(`delivery ${number}: ${supplier} failed, ${delivery.server} was asked`);
    }
    if (event.guarantyMaxMicros !== 0n) {
      this.problems.push(`delivery ${number} drew on a guaranty fund that has nothing`);
    }
    this.money.setAside(event);
  }

  #coverSettled(event: EventOf<"cover-settled">): void {
    const delivery = this.#of(event.delivery);
    delivery.cover = event;
    const cost = this.money.coverUsed(delivery.serving, event.usedTokens, event.supplier);
    if (cost === event.costMicros && delivery.server === event.supplier) return;
    this.problems.push(
      `delivery ${event.delivery}: cover cost ${event.costMicros} at ${event.supplier}, expected ${cost} at ${delivery.server}`,
    );
  }

  #settled(event: EventOf<"delivery-settled">): void {
    const delivery = this.#of(event.delivery);
    const { isCovered, paying, server, cover } = delivery;
    delivery.end = "settled";
    delivery.endCause = event.cause;
    const reserved = totalTokens(paying);
    const used = Math.min(event.promptTokens + event.completionTokens, reserved);
    const cost = this.money.used(paying, used, isCovered ? "exch:cover" : `${server}:pending`);
    if (used !== event.usedTokens || cost !== event.costMicros) {
      this.problems.push(
        `delivery ${event.delivery} was billed ${event.costMicros} for ${event.usedTokens} tokens, expected ${cost} for ${used}`,
      );
    }
    if (isCovered && cover?.usedTokens !== used) {
      this.problems.push(`delivery ${event.delivery} used ${used}, its cover ${cover?.usedTokens}`);
    }
    const charges = this.#chargesFor(delivery, used, cost);
    if (charges.length > 0) this.#dueCharges.set(event.delivery, charges);
  }

  /** Each supplier that failed pays what the next one cost more than itself, the last one first. */
  #chargesFor(delivery: DeliveryFact, used: number, buyerCost: bigint): Charge[] {
    const { symbol, isCovered, failures, cover, serving } = delivery;
    const [first] = failures;
    if (first === undefined) return [];
    const tickMicros = isSet(this.#tickMicros.get(symbol), `what a tick of ${symbol} is`);
    const reserved = BigInt(totalTokens(serving));
    const share = ({ parts }: Failure) =>
      (priceOf(parts, Number(reserved), tickMicros) * BigInt(used)) / reserved;
    const servedCost = isCovered ? (cover?.costMicros ?? 0n) : buyerCost;
    let left = servedCost - (isCovered ? buyerCost : share(first));
    let dearer = servedCost;
    const charges: Charge[] = [];
    for (const failure of [...failures].reverse()) {
      const step = failure === first ? left : dearer - share(failure);
      dearer = share(failure);
      const wanted = [left, step, failure.chargeMaxMicros].reduce((a, b) => (a < b ? a : b));
      if (wanted <= 0n || failure.supplier === delivery.account) continue;
      left -= wanted;
      const reason = isCovered ? "cover" : "price-difference";
      charges.push({ supplier: failure.supplier, reason, amountMicros: wanted });
    }
    return charges;
  }

  #charged(event: EventOf<"supplier-charged">): void {
    const delivery = this.#of(event.delivery ?? 0);
    const due = this.#dueCharges.get(delivery.delivery) ?? [];
    const expected = due.shift();
    if (due.length === 0) this.#dueCharges.delete(delivery.delivery);
    delivery.chargedMicros += event.amountMicros;
    const to = event.reason === "cover" ? "exch:cover" : `${delivery.account}:avail`;
    this.money.charged(event, to);
    const isSame =
      expected?.supplier === event.supplier &&
      expected.reason === event.reason &&
      expected.amountMicros === event.amountMicros;
    if (isSame) return;
    this.problems.push(
      `delivery ${delivery.delivery}: supplier ${event.supplier} was charged ${event.amountMicros} (${event.reason}), expected ${expected?.amountMicros ?? 0n} of ${expected?.supplier ?? "nobody"} (${expected?.reason ?? "no reason"})`,
    );
  }
}
