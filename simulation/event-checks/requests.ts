/** What may be asked once only, and by whom: deposit references, client order ids, keys. */
import type { CoreEvent, EventOf } from "#exchange/core/events.ts";
import { type MarketPolicy, REFERENCE_KEPT_MS } from "#exchange/core/policy.ts";
import type { CoreState } from "#exchange/core/state.ts";
import type { Past } from "./past.ts";

export class RequestChecks {
  #policy: MarketPolicy | null;
  readonly #past: Past;
  readonly #clientIds = new Map<string, number>();
  readonly #references = new Map<string, number>();
  readonly #keys = new Map<string, number>();

  constructor(state: CoreState, past: Past) {
    this.#policy = state.policy;
    this.#past = past;
    for (const [key, { atMs }] of state.clientIds) this.#clientIds.set(key, atMs);
    for (const [reference, { atMs }] of state.references) this.#references.set(reference, atMs);
    for (const { keyId, account } of state.apiKeys.values()) this.#keys.set(keyId, account);
  }

  *see(event: CoreEvent): Generator<string> {
    const { atMs } = event;
    switch (event.type) {
      case "policy-adopted":
        this.#policy = event.policy;
        break;
      case "funds-deposited":
        if (this.#references.has(event.reference)) {
          yield `deposit reference ${event.reference} was booked twice`;
        }
        this.#references.set(event.reference, atMs);
        break;
      case "references-forgotten": {
        const keptMs = this.#policy?.depositReferenceKeptMs ?? REFERENCE_KEPT_MS;
        for (const reference of event.references) {
          yield* forget("deposit reference", this.#references, reference, { atMs, keptMs });
        }
        break;
      }
      case "client-id-recorded": {
        const key = `${event.account}:${event.clientId}`;
        if (this.#clientIds.has(key)) yield `client order id ${key} placed two orders`;
        this.#clientIds.set(key, atMs);
        break;
      }
      case "client-ids-forgotten": {
        const keptMs = this.#policy?.clientIdKeptMs ?? 0;
        for (const key of event.keys) {
          yield* forget("client order id", this.#clientIds, key, { atMs, keptMs });
        }
        break;
      }
      case "api-key-added":
        this.#keys.set(event.keyId, event.account);
        break;
      case "delivery-reserved":
        yield* this.#reserve(event);
        break;
    }
  }

  /** Attempts after the first included: each may buy. */
  *#reserve({ delivery, keyId, account }: EventOf<"delivery-reserved">): Generator<string> {
    const revokedSeq = this.#past.revoked.get(keyId);
    if (revokedSeq !== undefined) {
      yield `delivery ${delivery} was reserved by key ${keyId}, revoked at event ${revokedSeq}`;
    } else if (this.#keys.get(keyId) !== account) {
      yield `delivery ${delivery} was reserved by key ${keyId}, which account ${account} has not`;
    }
  }
}

function* forget(
  what: string,
  rows: Map<string, number>,
  key: string,
  { atMs, keptMs }: { atMs: number; keptMs: number },
): Generator<string> {
  const ageMs = atMs - (rows.get(key) ?? Number.POSITIVE_INFINITY);
  if (ageMs < keptMs) yield `${what} ${key} forgotten after ${ageMs} ms`;
  rows.delete(key);
}
