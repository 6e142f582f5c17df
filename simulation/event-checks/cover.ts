/**
 * Who pays for a failure: what cover costs more than the failed Lots is charged to the supplier that
 * failed, no more than was agreed when another took over, and cover is paid for what was used alone.
 */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import type { CoreState } from "#exchange/core/state.ts";

interface Agreed {
  supplier: number;
  chargeMaxMicros: bigint;
  guarantyMaxMicros: bigint;
}

export class CoverChecks {
  readonly #agreed = new Map<number, Agreed[]>();
  /** What the cover of a delivery cost that is about to be settled. */
  readonly #covered = new Map<number, bigint>();
  /** What a delivery that was covered by one supplier must still be charged. */
  #due: { delivery: number; agreed: Agreed; extraMicros: bigint } | null = null;

  constructor(state: CoreState) {
    for (const { number, failures } of state.deliveries.values()) {
      this.#agreed.set(number, [...failures]);
    }
  }

  *see(event: CoreEvent): Generator<string> {
    if (this.#due !== null && event.type !== "supplier-charged") {
      const { delivery, extraMicros } = this.#due;
      yield `the cover of delivery ${delivery} cost ${extraMicros} more, and nobody was charged`;
      this.#due = null;
    }
    switch (event.type) {
      case "attempt-failed":
        this.#agreed.set(event.delivery, [...(this.#agreed.get(event.delivery) ?? []), event]);
        break;
      case "cover-settled":
        yield* this.#cover(event);
        break;
      case "delivery-settled":
        this.#settle(event);
        break;
      case "delivery-released":
        this.#forget(event.delivery);
        break;
      case "supplier-charged":
        yield* this.#charge(event);
        break;
    }
  }

  *#cover(event: EventOf<"cover-settled">): Generator<string> {
    const { delivery, supplier, usedTokens, costMicros, parts, postings } = event;
    const used = parts.reduce((sum, part) => sum + part.usedTokens, 0);
    if (used !== usedTokens) {
      yield `cover of delivery ${delivery} used ${usedTokens} tokens, by Lot it is ${used}`;
    }
    let paid = 0n;
    for (const posting of postings) {
      if (posting.kind !== "void" && "to" in posting && posting.to === `${supplier}:pending`) {
        paid += posting.amount;
      }
    }
    if (paid !== costMicros || (usedTokens === 0 && paid > 0n)) {
      yield `cover of delivery ${delivery} pays supplier ${supplier} ${paid} for ${usedTokens} tokens, expected ${costMicros}`;
    }
    if (usedTokens > 0) this.#covered.set(delivery, costMicros);
  }

  #settle({ delivery, costMicros }: EventOf<"delivery-settled">): void {
    const cover = this.#covered.get(delivery);
    const agreed = this.#agreed.get(delivery) ?? [];
    this.#forget(delivery);
    const [only] = agreed;
    if (cover === undefined || only === undefined || agreed.length > 1) return;
    const extraMicros = cover - costMicros;
    // Rounded down to nothing when it was agreed, the odd micro-dollar stays with the exchange.
    if (extraMicros > 0n && only.chargeMaxMicros > 0n)
      this.#due = { delivery, agreed: only, extraMicros };
  }

  *#charge(event: EventOf<"supplier-charged">): Generator<string> {
    const { supplier, delivery, reason, amountMicros, owedMicros, guarantyMicros } = event;
    const due = this.#due;
    this.#due = null;
    if (owedMicros > amountMicros) yield `supplier ${supplier} owes more than it was charged`;
    if (due === null || delivery !== due.delivery) return;
    const { extraMicros, agreed } = due;
    const most = extraMicros < agreed.chargeMaxMicros ? extraMicros : agreed.chargeMaxMicros;
    if (reason !== "cover" || supplier !== agreed.supplier || amountMicros !== most) {
      yield `supplier ${supplier} was charged ${amountMicros} for cover of delivery ${delivery}, expected ${most} of supplier ${agreed.supplier}`;
    }
    if (guarantyMicros > agreed.guarantyMaxMicros) {
      yield `the fund paid ${guarantyMicros} for delivery ${delivery}, agreed were ${agreed.guarantyMaxMicros}`;
    }
  }

  #forget(delivery: number): void {
    this.#agreed.delete(delivery);
    this.#covered.delete(delivery);
  }
}
