/**
 * What a window costs its supplier and what it is paid, counted again from verdicts and Lots by the
 * formulas of `docs/sla.md`: integers, each step rounded down. Nothing here calls the core.
 */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import type { SlaPolicy } from "#exchange/core/sla/policy.ts";
import type { JudgedAttempt } from "#exchange/core/sla/verdict.ts";
import type { ExpectedMoney } from "./expected-money.ts";
import { type Card, chargeOf, creditsOf, min, sumOf } from "./plain-charges.ts";
import type { Promised } from "./plain-standing.ts";

const BPS = 10_000n;

interface Seller {
  card: Card | null;
  openLotsMicros: bigint;
  strikes: number;
  holdbacks: { micros: bigint; releaseAtMs: number }[];
  tier: "probation" | "standard" | "gold";
}

const zeros = () => ({ good: 0n, slow: 0n, failed: 0n, excused: 0n });

/** One instrument is sold in a run: a supplier is its row of it. */
export class PlainWindows {
  readonly #sellers = new Map<number, Seller>();
  readonly #lots = new Map<number, { supplier: number; micros: bigint }>();
  readonly #money: ExpectedMoney;
  readonly #problems: string[] = [];
  /** What windows cost their suppliers so far. */
  chargedMicros = 0n;

  constructor(money: ExpectedMoney) {
    this.#money = money;
  }

  /** To be told before the event's postings are moved. */
  take(event: CoreEvent, sla: SlaPolicy, promised: (symbol: string) => Promised): void {
    switch (event.type) {
      case "trade": {
        const { lot, seller, valueMicros } = event;
        const card = this.#card(seller, event.atMs, sla);
        this.#lots.set(lot, { supplier: seller, micros: valueMicros });
        this.#seller(seller).openLotsMicros += valueMicros;
        card.lotsMicros += valueMicros;
        break;
      }
      case "lot-split": {
        const whole = this.#lots.get(event.lot);
        if (whole === undefined) break;
        whole.micros -= event.valueMicros;
        this.#lots.set(event.into, { ...whole, micros: event.valueMicros });
        break;
      }
      case "delivery-settled":
        for (const { lot } of event.parts) this.#card(this.#sellerOf(lot), event.atMs, sla);
        break;
      case "cover-settled":
        for (const { lot } of event.parts) this.#lotEnded(lot, event.atMs, sla);
        break;
      case "lot-consumed":
      case "lot-expired":
      case "lot-closed-out":
        this.#lotEnded(event.lot, event.atMs, sla);
        break;
      case "delivery-judged":
        for (const attempt of event.attempts) this.#judged(event, attempt, sla);
        break;
      case "window-closed":
        this.#closed(event, sla, promised(event.symbol));
        break;
      case "supplier-paid":
        this.#paid(event, sla);
        break;
      case "holdback-released":
        this.#released(event);
        break;
      case "tier-changed":
        this.#seller(event.account).tier = event.tier;
        break;
      case "supplier-reinstated":
        this.#seller(event.account).tier = "probation";
    }
  }

  takeProblems(): string[] {
    return this.#problems.splice(0);
  }

  #seller(account: number): Seller {
    let seller = this.#sellers.get(account);
    if (seller === undefined) {
      seller = { card: null, openLotsMicros: 0n, strikes: 0, holdbacks: [], tier: "probation" };
      this.#sellers.set(account, seller);
    }
    return seller;
  }

  #card(account: number, atMs: number, { windowMs }: SlaPolicy): Card {
    const seller = this.#seller(account);
    const { card } = seller;
    if (card !== null) {
      if (atMs >= card.endsAtMs)
        this.#say(account, `a window that ended at ${card.endsAtMs} is open`);
      return card;
    }
    const fresh: Card = {
      ...{ endsAtMs: (Math.floor(atMs / windowMs) + 1) * windowMs, carried: 0 },
      ...{ requests: zeros(), tokens: zeros(), failedMicros: 0n },
      ...{ lotsMicros: seller.openLotsMicros, failed: new Map(), slow: new Map() },
    };
    seller.card = fresh;
    return fresh;
  }

  #sellerOf(lot: number): number {
    return this.#lots.get(lot)?.supplier ?? 0;
  }

  #lotEnded(lot: number, atMs: number, sla: SlaPolicy): void {
    const { supplier, micros } = this.#lots.get(lot) ?? { supplier: 0, micros: 0n };
    this.#card(supplier, atMs, sla);
    this.#seller(supplier).openLotsMicros -= micros;
    this.#lots.delete(lot);
  }

  #judged(
    { account: buyer, atMs }: EventOf<"delivery-judged">,
    { supplier, verdict, tokens, valueMicros, slownessBps }: JudgedAttempt,
    sla: SlaPolicy,
  ): void {
    const card = this.#card(supplier, atMs, sla);
    card.requests[verdict] += 1n;
    card.tokens[verdict] += BigInt(tokens);
    const add = (to: Map<number, bigint>, micros: bigint) =>
      to.set(buyer, (to.get(buyer) ?? 0n) + micros);
    if (verdict === "slow") add(card.slow, (valueMicros * BigInt(slownessBps)) / BPS);
    if (verdict !== "failed") return;
    card.failedMicros += valueMicros;
    add(card.failed, valueMicros);
  }

  #closed(event: EventOf<"window-closed">, sla: SlaPolicy, { errorRateMax }: Promised): void {
    const { account } = event;
    const seller = this.#seller(account);
    const { card } = seller;
    if (card === null) {
      this.#say(account, "a window was closed that was never open");
      return;
    }
    const { good, slow, failed } = card.requests;
    const scored = good + slow + failed;
    const isEnough = scored >= BigInt(sla.requestsPerWindowMin);
    const isCarried = scored > 0n && !isEnough && card.carried < sla.windowsCarriedMax;
    const due = chargeOf(card, seller.strikes, account, sla, errorRateMax);
    this.#same(account, "the end of a window", event.endsAtMs, card.endsAtMs);
    this.#same(account, "carried", event.isCarried, isCarried);
    this.#same(account, "the value of its Lots", event.lotsMicros, card.lotsMicros);
    this.#same(account, "what failed", event.failedMicros, card.failedMicros);
    this.#same(account, "failed tokens", BigInt(event.tokens.failed), card.tokens.failed);
    this.#same(account, "the penalty", event.charge.penaltyMicros, due.penalty);
    this.#same(account, "slow credits", event.charge.slowCreditMicros, due.slowCredit);
    this.#same(account, "the charge", event.charge.chargeMicros, due.charge);
    const collected = this.#money.windowCharged(account, isCarried ? 0n : due.charge);
    const credits = creditsOf(card, due, collected, sla, account);
    this.#same(account, "owed", event.paid.owedMicros, (isCarried ? 0n : due.charge) - collected);
    this.#same(
      account,
      "buyers credited",
      event.credits
        .map((each) => `${each.account}:${each.slowMicros + each.compensationMicros}`)
        .join(),
      [...credits].map(([buyer, micros]) => `${buyer}:${micros}`).join(),
    );
    for (const [buyer, micros] of credits) this.#money.credited(buyer, micros);
    this.#same(account, "to the fund", event.toGuarantyMicros, collected - sumOf(credits.values()));
    if (isCarried) {
      card.carried += 1;
      card.endsAtMs = (Math.floor(event.atMs / sla.windowMs) + 1) * sla.windowMs;
      return;
    }
    this.chargedMicros += collected;
    const isStrike = isEnough && due.penalty > 0n;
    seller.strikes = isStrike ? seller.strikes + 1 : Math.max(0, seller.strikes - 1);
    this.#same(account, "strikes", event.strikesAfter, seller.strikes);
    seller.card = null;
  }

  #paid(event: EventOf<"supplier-paid">, sla: SlaPolicy): void {
    const { account } = event;
    const seller = this.#seller(account);
    const pay = this.#money.free(`${account}:pending`);
    const kept = (pay * BigInt(sla.holdbackBps[seller.tier])) / BPS;
    this.#same(account, "repaid", event.repaidMicros, 0n);
    this.#same(account, "kept back", event.heldBackMicros, kept);
    this.#same(account, "paid", event.paidMicros, pay - kept);
    this.#money.moved(`${account}:pending`, `${account}:holdback`, kept);
    this.#money.moved(`${account}:pending`, `${account}:avail`, pay - kept);
    if (kept > 0n) {
      seller.holdbacks.push({ micros: kept, releaseAtMs: event.atMs + sla.holdbackMs });
    }
  }

  #released(event: EventOf<"holdback-released">): void {
    const { account, atMs } = event;
    const { holdbacks } = this.#seller(account);
    const oldest = holdbacks.shift();
    if (oldest === undefined) {
      this.#say(account, "pay was released that was never kept back");
      return;
    }
    if (atMs < oldest.releaseAtMs) this.#say(account, `pay was released at ${atMs}, too early`);
    const put = oldest.micros + sumOf(holdbacks.map(({ micros }) => micros));
    const taken = put - this.#money.postings.balance(`${account}:holdback`);
    const whole = oldest.micros - min(oldest.micros, taken);
    const released = min(whole, this.#money.free(`${account}:holdback`));
    this.#same(account, "released", event.releasedMicros, released);
    this.#money.moved(`${account}:holdback`, `${account}:avail`, released);
    if (whole === released) return;
    holdbacks.unshift({ micros: whole - released, releaseAtMs: event.nextReleaseAtMs ?? 0 });
  }

  #same<T>(account: number, what: string, is: T, expected: T): void {
    if (is !== expected) this.#say(account, `${what}: ${is}, expected ${expected}`);
  }

  #say(account: number, text: string): void {
    this.#problems.push(`supplier ${account}, ${text}`);
  }
}
