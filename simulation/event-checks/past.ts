/** What happened and stands in no state any more: bills, revocations, absences. Kept over restarts. */
import type { CoreEvent } from "#exchange/core/events.ts";

interface Absence {
  account: number;
  fromMs: number;
  fromSeq: number;
  toMs: number | null;
  toSeq: number | null;
}

interface Outage {
  fromMs: number;
  toMs: number;
  seq: number;
}

export class Past {
  /** Requests that were billed, and keys that were revoked, with the event's number. */
  readonly billed = new Map<string, number>();
  readonly revoked = new Map<string, number>();
  /** When suppliers had no link. */
  readonly absences: Absence[] = [];
  /** When the exchange itself was away. */
  readonly outages: Outage[] = [];

  /** Takes over what happened up to event `seq`; later events were never durable. */
  constructor(before: Past | null, seq: number) {
    if (before === null) return;
    const isIn = ([, atSeq]: [string, number]) => atSeq <= seq;
    this.billed = new Map([...before.billed].filter(isIn));
    this.revoked = new Map([...before.revoked].filter(isIn));
    this.outages = before.outages.filter((outage) => outage.seq <= seq);
    for (const absence of before.absences) {
      if (absence.fromSeq > seq) continue;
      const isOver = absence.toSeq !== null && absence.toSeq <= seq;
      this.absences.push(isOver ? absence : { ...absence, toMs: null, toSeq: null });
    }
  }

  take(event: CoreEvent): void {
    const { seq, atMs } = event;
    if (event.type === "key-revoked") this.revoked.set(event.key, seq);
    else if (event.type === "supplier-away" || event.type === "supplier-back") {
      const { account } = event;
      const open = this.absences.find((each) => each.account === account && each.toMs === null);
      if (event.type === "supplier-away") {
        const absence = { account, fromMs: atMs, fromSeq: seq, toMs: null, toSeq: null };
        if (open === undefined) this.absences.push(absence);
      } else if (open !== undefined) {
        open.toMs = atMs;
        open.toSeq = seq;
      }
    } else if (event.type === "exchange-resumed" && event.outageMs > 0) {
      this.outages.push({ fromMs: event.lastSeenMs, toMs: atMs, seq });
    }
  }

  /** How long a supplier was away between two times; an absence that lasts counts until `nowMs`. */
  awayMs(account: number, fromMs: number, toMs: number, nowMs: number): number {
    let awayMs = 0;
    for (const absence of this.absences) {
      if (absence.account !== account) continue;
      const endMs = Math.min(absence.toMs ?? nowMs, toMs);
      awayMs += Math.max(0, endMs - Math.max(absence.fromMs, fromMs));
    }
    return awayMs;
  }

  /** Whether the exchange was away at any time between two. */
  wasOut(fromMs: number, toMs: number): boolean {
    return this.outages.some((outage) => outage.fromMs < toMs && outage.toMs > fromMs);
  }
}
