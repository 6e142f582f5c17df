/** Lots: what was paid for one is paid out, once, token by token and at its end, and nothing is drawn after that. */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import type { Instrument } from "#protocol/instrument.ts";
import type { Past } from "./past.ts";

/** The exchange's own account: it buys cover, and nothing else. */
const EXCHANGE = 0;

/** Slots of the UTC grid by which a supplier's presence is counted, as the rules have them. */
const SLOT_MS = 5 * 60_000;

type Named = "owner" | "supplier" | "symbol";
type Figures = "priceTicks" | "costTicks" | "tokens" | "valueMicros" | "usedTokens" | "paidMicros";
type Kept = Pick<Lot, Named | Figures> & {
  isTrading: boolean;
  enteredAtMs: number | null;
  expiresAtMs: number;
};

/** Of a Lot that has not entered Consumption. */
const NEVER_MS = Number.POSITIVE_INFINITY;

/** Nobody gets back more per token than it paid. */
function ownersShare({ costTicks, priceTicks }: Kept, micros: bigint): bigint {
  return costTicks >= priceTicks ? micros : (micros * BigInt(costTicks)) / BigInt(priceTicks);
}

export class LotChecks {
  readonly #past: Past;
  #policy: MarketPolicy | null;
  readonly #lots = new Map<number, Kept>();
  readonly #instruments = new Map<string, Instrument>();
  /** Deliveries that Lots of the exchange serve. */
  readonly #covered = new Set<number>();

  constructor(state: CoreState, past: Past) {
    this.#past = past;
    this.#policy = state.policy;
    for (const [symbol, { instrument }] of state.instruments) {
      this.#instruments.set(symbol, instrument);
    }
    for (const { number, owed } of state.deliveries.values()) {
      if (owed !== null) this.#covered.add(number);
    }
    for (const lot of state.lots.values()) {
      const isTrading = lot.tradingSinceMs !== null;
      this.#lots.set(lot.number, { ...lot, isTrading, expiresAtMs: lot.expiresAtMs ?? NEVER_MS });
    }
  }

  *see(event: CoreEvent): Generator<string> {
    switch (event.type) {
      case "policy-adopted":
        this.#policy = event.policy;
        break;
      case "instrument-listed":
        this.#instruments.set(event.instrument.symbol, event.instrument);
        break;
      case "trade":
        yield* this.#buy(event);
        break;
      case "lot-split":
        yield* this.#split(event);
        break;
      case "units-transferred":
        yield* this.#transfer(event);
        break;
      case "attempt-failed":
        if (event.remedy === "cover") this.#covered.add(event.delivery);
        else this.#covered.delete(event.delivery);
        break;
      case "delivery-reserved":
        yield* this.#reserve(event);
        break;
      case "delivery-released":
        this.#covered.delete(event.delivery);
        break;
      case "cover-settled":
        for (const { lot } of event.parts) this.#lots.delete(lot);
        break;
      case "lot-closed-out":
        yield* this.#closeOut(event);
        break;
      case "delivery-settled":
        yield* this.#settle(event);
        break;
      case "exchange-resumed":
        for (const lot of this.#lots.values()) lot.expiresAtMs += Math.max(0, event.outageMs);
        break;
      case "lot-expired":
        yield* this.#expire(event);
        break;
      case "lot-consumed": {
        const lot = this.#lots.get(event.lot);
        this.#lots.delete(event.lot);
        if (lot?.usedTokens !== lot?.tokens || lot?.paidMicros !== lot?.valueMicros) {
          yield `Lot ${event.lot} ended as used up, ${lot?.usedTokens} of ${lot?.tokens} tokens were`;
        }
        break;
      }
    }
  }

  *#buy(event: EventOf<"trade">): Generator<string> {
    const { lot, buyer, seller, symbol, valueMicros, enteredAtMs, expiresAtMs, atMs } = event;
    const instrument = this.#instruments.get(symbol);
    if (instrument === undefined) {
      yield `Lot ${lot} is of ${symbol}, which is not listed`;
      return;
    }
    const tokens = event.quantity * instrument.incrementTokens;
    const perUnit = BigInt(event.priceTicks) * BigInt(instrument.tickMicrosPerUnit);
    const value = (perUnit * BigInt(tokens)) / 1_000_000n;
    if (valueMicros !== value) yield `Lot ${lot} cost ${valueMicros}, its price comes to ${value}`;
    if (event.resold.length > 0) {
      yield* this.#resell(event);
      return;
    }
    const endMs = enteredAtMs === null ? null : atMs + (this.#policy?.lotLifetimeMs ?? 0);
    if (expiresAtMs !== endMs) yield `Lot ${lot} expires at ${expiresAtMs}, expected ${endMs}`;
    this.#lots.set(lot, {
      owner: buyer,
      supplier: seller,
      priceTicks: event.priceTicks,
      costTicks: event.priceTicks,
      symbol,
      tokens,
      valueMicros,
      usedTokens: 0,
      paidMicros: 0n,
      isTrading: enteredAtMs === null,
      enteredAtMs,
      expiresAtMs: expiresAtMs ?? NEVER_MS,
    });
  }

  /** Parts of the seller's Lots, at the price per token that stands in escrow for them. */
  *#resell({ trade, resold, buyer, seller, ...event }: EventOf<"trade">): Generator<string> {
    for (const { lot: number, into, tokens, valueMicros } of resold) {
      const lot = this.#lots.get(number);
      if (lot === undefined || lot.owner !== seller || !lot.isTrading) {
        yield `trade ${trade} sold of Lot ${number}, which its seller had not in Trading`;
        continue;
      }
      if (valueMicros * BigInt(lot.tokens) !== lot.valueMicros * BigInt(tokens)) {
        yield `trade ${trade} moved ${valueMicros} for ${tokens} tokens, of ${lot.valueMicros} for ${lot.tokens}`;
      }
      if ((into === null) !== (lot.supplier === buyer)) {
        yield `trade ${trade}: Lot ${number} of ${lot.supplier} became Lot ${into} of ${buyer}`;
      }
      lot.tokens -= tokens;
      lot.valueMicros -= valueMicros;
      if (lot.tokens === 0) this.#lots.delete(number);
      if (into === null) continue;
      this.#lots.set(into, {
        ...lot,
        ...{ owner: buyer, tokens, valueMicros, costTicks: event.priceTicks },
        isTrading: event.enteredAtMs === null,
        enteredAtMs: lot.enteredAtMs ?? event.enteredAtMs,
        expiresAtMs: lot.enteredAtMs === null ? (event.expiresAtMs ?? NEVER_MS) : lot.expiresAtMs,
      });
    }
  }

  /** A part of a Lot costs as much per token as the whole. */
  *#split(event: EventOf<"lot-split">): Generator<string> {
    const { lot: number, into, tokens, valueMicros } = event;
    const lot = this.#lots.get(number);
    if (lot === undefined) {
      yield `Lot ${number} was split, which is not open`;
      return;
    }
    if (valueMicros * BigInt(lot.tokens) !== lot.valueMicros * BigInt(tokens)) {
      yield `Lot ${into} has ${valueMicros} for ${tokens} tokens, of ${lot.valueMicros} for ${lot.tokens}`;
    }
    this.#lots.set(into, { ...lot, tokens, valueMicros, usedTokens: 0, paidMicros: 0n });
    lot.tokens -= tokens;
    lot.valueMicros -= valueMicros;
  }

  /** Lots enter once; when they come again their expiry stays. */
  *#transfer(event: EventOf<"units-transferred">): Generator<string> {
    const { lots, to, account, enteredAtMs, expiresAtMs } = event;
    for (const number of lots) {
      const lot = this.#lots.get(number);
      if (lot === undefined || lot.owner !== account || lot.isTrading === (to === "trading")) {
        yield `Lot ${number} cannot move to ${to} for account ${account}`;
        continue;
      }
      lot.isTrading = to === "trading";
      if (lot.isTrading || lot.enteredAtMs !== null) continue;
      lot.enteredAtMs = enteredAtMs;
      lot.expiresAtMs = expiresAtMs ?? NEVER_MS;
    }
  }

  *#reserve(event: EventOf<"delivery-reserved">): Generator<string> {
    for (const { lot: number } of event.parts) {
      const lot = this.#lots.get(number);
      const where = `delivery ${event.delivery} on Lot ${number}`;
      if (lot === undefined) yield `${where}: it is not open`;
      else if (lot.isTrading) yield `${where}: it is in Trading`;
      else if (lot.expiresAtMs <= event.atMs) yield `${where}: it expired at ${lot.expiresAtMs}`;
      else if (lot.owner !== this.#payerOf(event) || lot.supplier !== event.supplier) {
        yield `${where}: it is owned by ${lot.owner} and owed by ${lot.supplier}`;
      }
    }
  }

  /** Under cover the exchange's own Lots serve. */
  #payerOf({ delivery, account }: EventOf<"delivery-reserved">): number {
    return this.#covered.has(delivery) ? EXCHANGE : account;
  }

  /** The tokens used so far cost their share of the Lot, rounded down; each bill is what that adds. */
  *#settle(event: EventOf<"delivery-settled">): Generator<string> {
    for (const { lot: number, tokens, costMicros } of event.parts) {
      const lot = this.#lots.get(number);
      if (lot === undefined) {
        yield `delivery ${event.delivery} was billed on Lot ${number}, which is not open`;
        continue;
      }
      lot.usedTokens += tokens;
      const due = (lot.valueMicros * BigInt(lot.usedTokens)) / BigInt(lot.tokens);
      if (costMicros !== due - lot.paidMicros) {
        yield `delivery ${event.delivery} paid ${costMicros} on Lot ${number}, due were ${due - lot.paidMicros}`;
      }
      lot.paidMicros += costMicros;
    }
  }

  *#closeOut({
    lot: number,
    unusedTokens,
    toOwnerMicros,
    toFundMicros,
  }: EventOf<"lot-closed-out">): Generator<string> {
    const lot = this.#lots.get(number);
    this.#lots.delete(number);
    if (lot === undefined) yield `Lot ${number} was closed out, which was not open`;
    else if (
      toOwnerMicros + toFundMicros !== lot.valueMicros - lot.paidMicros ||
      toOwnerMicros !== ownersShare(lot, lot.valueMicros - lot.paidMicros) ||
      unusedTokens !== lot.tokens - lot.usedTokens
    ) {
      yield `Lot ${number} was closed out with ${toOwnerMicros} for ${unusedTokens} tokens, ${lot.valueMicros - lot.paidMicros} for ${lot.tokens - lot.usedTokens} were left`;
    }
  }

  *#expire(event: EventOf<"lot-expired">): Generator<string> {
    const { lot: number, atMs, toSupplierMicros, toOwnerMicros, unusedTokens } = event;
    const lot = this.#lots.get(number);
    this.#lots.delete(number);
    if (lot === undefined) {
      yield `Lot ${number} expired, which was not open`;
      return;
    }
    const where = `Lot ${number} at its end`;
    if (atMs < lot.expiresAtMs) yield `${where}: ${atMs}, it had until ${lot.expiresAtMs}`;
    const back = toOwnerMicros + event.toFundMicros;
    if (toOwnerMicros !== ownersShare(lot, back)) {
      yield `${where}: ${toOwnerMicros} of ${back} to its owner, who paid ${lot.costTicks} of ${lot.priceTicks}`;
    }
    const paidOut = lot.paidMicros + toSupplierMicros + back;
    if (paidOut !== lot.valueMicros) yield `${where}: ${paidOut} paid out of ${lot.valueMicros}`;
    const unused = lot.tokens - lot.usedTokens;
    if (unusedTokens !== unused) yield `${where}: ${unusedTokens} tokens unused, ${unused} were`;
    const { slots, healthySlots } = this.#healthy(lot, atMs);
    if (event.slots !== slots || event.healthySlots !== healthySlots) {
      yield `${where}: ${event.healthySlots} of ${event.slots} slots were healthy, by what happened ${healthySlots} of ${slots}`;
    }
    const rest = lot.valueMicros - lot.paidMicros;
    const share = slots === 0 ? rest : (rest * BigInt(healthySlots)) / BigInt(slots);
    if (toSupplierMicros !== share) {
      yield `${where}: ${toSupplierMicros} of ${rest} to the supplier, its share is ${share}`;
    }
  }

  #healthy({ supplier, symbol, enteredAtMs, expiresAtMs }: Kept, nowMs: number) {
    const { presence } = this.#past;
    const awayMsMax = this.#policy?.slotAwayMsMax ?? 0;
    let slots = 0;
    let healthySlots = 0;
    const firstMs = Math.ceil((enteredAtMs ?? expiresAtMs) / SLOT_MS) * SLOT_MS;
    for (let fromMs = firstMs; fromMs < expiresAtMs; fromMs += SLOT_MS) {
      const toMs = fromMs + SLOT_MS;
      if (this.#past.wasOut(fromMs, toMs)) continue;
      slots += 1;
      if (presence.hasFailed(supplier, symbol, fromMs)) continue;
      if (presence.idleMs(supplier, symbol, fromMs, toMs, nowMs) <= awayMsMax) healthySlots += 1;
    }
    return { slots, healthySlots };
  }
}
