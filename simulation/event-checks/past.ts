/** What happened and stands in no state any more: bills, revocations, outages. Kept over restarts. */
import type { CoreEvent } from "#exchange/core/events.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { Presence } from "./presence.ts";

interface Outage {
  fromMs: number;
  toMs: number;
  seq: number;
}

/** Of one instrument's delivery. */
interface Halt {
  symbol: string;
  fromMs: number;
  fromSeq: number;
  toMs: number | null;
  toSeq: number | null;
}

export class Past {
  /** Requests that were billed, and keys that were revoked, with the event's number. */
  readonly billed = new Map<string, number>();
  readonly revoked = new Map<string, number>();
  readonly presence: Presence;
  /** When the exchange itself was away. */
  readonly outages: Outage[] = [];
  readonly halts: Halt[] = [];

  /** Takes over what happened up to the state's last event; later events were never durable. */
  constructor(before: Past | null, state: CoreState) {
    const { seq } = state;
    this.presence = new Presence(before?.presence ?? null, state);
    if (before === null) return;
    const isIn = ([, atSeq]: [string, number]) => atSeq <= seq;
    this.billed = new Map([...before.billed].filter(isIn));
    this.revoked = new Map([...before.revoked].filter(isIn));
    this.outages = before.outages.filter((outage) => outage.seq <= seq);
    for (const halt of before.halts) {
      if (halt.fromSeq > seq) continue;
      const isOver = halt.toSeq !== null && halt.toSeq <= seq;
      this.halts.push(isOver ? halt : { ...halt, toMs: null, toSeq: null });
    }
  }

  take(event: CoreEvent): void {
    const { seq, atMs } = event;
    this.presence.take(event);
    if (event.type === "key-revoked") this.revoked.set(event.key, seq);
    else if (event.type === "exchange-resumed" && event.outageMs > 0) {
      this.outages.push({ fromMs: event.lastSeenMs, toMs: atMs, seq });
    } else if (event.type === "delivery-halted") {
      const { symbol } = event;
      this.halts.push({ symbol, fromMs: atMs, fromSeq: seq, toMs: null, toSeq: null });
    } else if (event.type === "delivery-resumed") {
      const open = this.#openHalt(event.symbol);
      if (open !== undefined) Object.assign(open, { toMs: atMs, toSeq: seq });
    }
  }

  /** The time as an instrument's Lots have it: it stands still while delivery is halted. */
  lotClockMs(symbol: string, nowMs: number): number {
    return this.#openHalt(symbol)?.fromMs ?? nowMs;
  }

  /** Whether nobody could have delivered an instrument at any time between two. */
  wasStopped(symbol: string, fromMs: number, toMs: number, nowMs: number): boolean {
    const halts = this.halts.filter((halt) => halt.symbol === symbol);
    return [...this.outages, ...halts].some(
      (stop) => stop.fromMs < toMs && (stop.toMs ?? nowMs) > fromMs,
    );
  }

  #openHalt(symbol: string): Halt | undefined {
    return this.halts.find((halt) => halt.symbol === symbol && halt.toMs === null);
  }
}
