/**
 * What a journal says, read event by event without the core: who placed what, what was settled, and
 * where the money is, summed here from the postings. Anything that happened twice is a problem.
 */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import { Postings } from "./postings.ts";

export interface OrderFact {
  seq: number;
  account: number;
  clientOrderId: string | null;
  closed: "filled" | "cancelled" | null;
  closedSeq: number | null;
}

export interface DeliveryFact {
  requestId: string;
  parts: { lot: number; tokens: number }[];
  settled: EventOf<"delivery-settled"> | null;
  released: boolean;
}

export class JournalFacts {
  lastSeq = 0;
  readonly problems: string[] = [];
  /** Links that another link of the same node took over: a node that links twice at a time. */
  linksReplaced = 0;
  readonly money = new Postings();
  readonly accounts = new Set<number>();
  readonly keys = new Set<string>();
  readonly deposits = new Map<string, { seq: number; account: number; micros: bigint }>();
  readonly orders = new Map<number, OrderFact>();
  /** `${account}:${client order id}` to the order's number. */
  readonly clientIds = new Map<string, number>();
  readonly openOrders = new Map<number, Set<number>>();
  readonly deliveries = new Map<number, DeliveryFact>();
  readonly deliveryOfRequest = new Map<string, number>();

  take(event: CoreEvent): void {
    if (event.seq !== this.lastSeq + 1) {
      this.problems.push(`event ${event.seq} follows event ${this.lastSeq}`);
    }
    this.lastSeq = event.seq;
    if ("postings" in event) {
      const problem = this.money.take(event.postings);
      if (problem !== null) this.problems.push(`event ${event.seq} (${event.type}): ${problem}`);
    }
    switch (event.type) {
      case "account-opened":
        this.accounts.add(event.account);
        break;
      case "api-key-added":
        this.#once(this.keys.has(event.keyId), `key ${event.keyId} was added`);
        this.keys.add(event.keyId);
        break;
      case "signing-key-added":
        this.#once(this.keys.has(event.fingerprint), `key ${event.fingerprint} was added`);
        this.keys.add(event.fingerprint);
        break;
      case "funds-deposited": {
        const { seq, account, amountMicros: micros, reference } = event;
        this.#once(this.deposits.has(reference), `deposit ${reference} was booked`);
        this.deposits.set(reference, { seq, account, micros });
        break;
      }
      case "node-disconnected":
        if (event.reason.includes("took over")) this.linksReplaced += 1;
        break;
      case "order-accepted":
        this.#orderAccepted(event);
        break;
      case "client-id-recorded":
        this.#clientId(event);
        break;
      case "order-closed":
        this.#orderClosed(event);
        break;
      case "delivery-reserved":
        this.#reserved(event);
        break;
      case "delivery-settled":
        this.#settled(event);
        break;
      case "delivery-released":
        this.#released(event);
        break;
    }
  }

  #once(wasThere: boolean, what: string): void {
    if (wasThere) this.problems.push(`${what} twice`);
  }

  #orderAccepted({ seq, order }: EventOf<"order-accepted">): void {
    const { number, account, clientOrderId } = order;
    this.#once(this.orders.has(number), `order ${number} was accepted`);
    this.orders.set(number, { seq, account, clientOrderId, closed: null, closedSeq: null });
    const open = this.openOrders.get(account) ?? new Set();
    this.openOrders.set(account, open.add(number));
    if (clientOrderId === null) return;
    const id = `${account}:${clientOrderId}`;
    this.#once(this.clientIds.has(id), `client order id ${id} placed an order`);
    this.clientIds.set(id, number);
  }

  #clientId({ account, clientId, result }: EventOf<"client-id-recorded">): void {
    const id = `${account}:${clientId}`;
    if (this.clientIds.get(id) === result.order) return;
    this.problems.push(`client order id ${id} was recorded for order ${result.order}`);
  }

  #orderClosed({ seq, order: number, status }: EventOf<"order-closed">): void {
    const order = this.orders.get(number);
    if (order === undefined) {
      this.problems.push(`order ${number} was closed and never accepted`);
      return;
    }
    this.#once(order.closed !== null, `order ${number} was closed`);
    order.closed = status;
    order.closedSeq = seq;
    this.openOrders.get(order.account)?.delete(number);
  }

  #reserved({ delivery: number, attempt, requestId, parts }: EventOf<"delivery-reserved">): void {
    const known = this.deliveries.get(number);
    if (known !== undefined) {
      this.#once(attempt < 2 || known.requestId !== requestId, `delivery ${number} was opened`);
      known.parts = parts;
      return;
    }
    this.#once(this.deliveryOfRequest.has(requestId), `request ${requestId} was reserved`);
    this.deliveryOfRequest.set(requestId, number);
    this.deliveries.set(number, { requestId, parts, settled: null, released: false });
  }

  #settled(event: EventOf<"delivery-settled">): void {
    const { delivery: number, usedTokens, costMicros, parts } = event;
    const delivery = this.#ended(number);
    if (delivery === null) return;
    delivery.settled = event;
    const tokens = parts.reduce((sum, part) => sum + part.tokens, 0);
    const cost = parts.reduce((sum, part) => sum + part.costMicros, 0n);
    const reserved = delivery.parts.reduce((sum, part) => sum + part.tokens, 0);
    if (tokens !== usedTokens || cost !== costMicros || usedTokens > reserved) {
      this.problems.push(
        `delivery ${number} billed ${costMicros} for ${usedTokens} tokens; its parts say ${cost} and ${tokens}, ${reserved} were reserved`,
      );
    }
  }

  #released({ delivery: number }: EventOf<"delivery-released">): void {
    const delivery = this.#ended(number);
    if (delivery !== null) delivery.released = true;
  }

  /** A delivery has one end, whichever it is. */
  #ended(number: number): DeliveryFact | null {
    const delivery = this.deliveries.get(number);
    if (delivery === undefined) {
      this.problems.push(`delivery ${number} ended and was never reserved`);
      return null;
    }
    this.#once(delivery.settled !== null || delivery.released, `delivery ${number} ended`);
    return delivery;
  }
}
