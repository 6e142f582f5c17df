/** What happened and stands in no state any more: bills, revocations, outages. Kept over restarts. */
import type { CoreEvent } from "#exchange/core/events.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { Presence } from "./presence.ts";

interface Outage {
  fromMs: number;
  toMs: number;
  seq: number;
}

export class Past {
  /** Requests that were billed, and keys that were revoked, with the event's number. */
  readonly billed = new Map<string, number>();
  readonly revoked = new Map<string, number>();
  readonly presence: Presence;
  /** When the exchange itself was away. */
  readonly outages: Outage[] = [];

  /** Takes over what happened up to the state's last event; later events were never durable. */
  constructor(before: Past | null, state: CoreState) {
    const { seq } = state;
    this.presence = new Presence(before?.presence ?? null, state);
    if (before === null) return;
    const isIn = ([, atSeq]: [string, number]) => atSeq <= seq;
    this.billed = new Map([...before.billed].filter(isIn));
    this.revoked = new Map([...before.revoked].filter(isIn));
    this.outages = before.outages.filter((outage) => outage.seq <= seq);
  }

  take(event: CoreEvent): void {
    const { seq, atMs } = event;
    this.presence.take(event);
    if (event.type === "key-revoked") this.revoked.set(event.key, seq);
    else if (event.type === "exchange-resumed" && event.outageMs > 0) {
      this.outages.push({ fromMs: event.lastSeenMs, toMs: atMs, seq });
    }
  }

  /** Whether the exchange was away at any time between two. */
  wasOut(fromMs: number, toMs: number): boolean {
    return this.outages.some((outage) => outage.fromMs < toMs && outage.toMs > fromMs);
  }
}
