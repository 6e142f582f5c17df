/**
 * When suppliers served what they sell, and in which slots their last request failed: kept from links,
 * pauses and verdicts alone, over restarts.
 */
import type { CoreEvent } from "#exchange/core/events.ts";
import type { CoreState } from "#exchange/core/state.ts";

/** Slots of the UTC grid, as the rules have them. */
const SLOT_MS = 5 * 60_000;
/** Verdicts on what was never sent to the supplier. */
const UNSENT = [
  ...["supplier-away", "supplier-paused", "supplier-idle", "supplier-drained"],
  "exchange-resuming",
];

interface Idle {
  key: string;
  fromMs: number;
  fromSeq: number;
  toMs: number | null;
  toSeq: number | null;
}

interface Verdict {
  isFailed: boolean;
  seq: number;
}

export class Presence {
  readonly #nodes = new Map<number, { account: number; symbols: string[]; isLinked: boolean }>();
  readonly #paused = new Set<string>();
  readonly #idle: Idle[] = [];
  /** By supplier, instrument and slot. */
  readonly #verdicts = new Map<string, Verdict[]>();

  /** Takes over what happened up to the state's last event; later events were never durable. */
  constructor(before: Presence | null, state: CoreState) {
    for (const { number, account, supplies, session } of state.nodes.values()) {
      const symbols = supplies.map(({ symbol }) => symbol);
      this.#nodes.set(number, { account, symbols, isLinked: session !== null });
    }
    for (const { account, instruments } of state.suppliers.values()) {
      for (const { symbol, breaker } of instruments.values()) {
        if (breaker.phase === "open") this.#paused.add(keyOf(account, symbol));
      }
    }
    for (const each of before === null ? [] : before.#idle) {
      if (each.fromSeq > state.seq) continue;
      const isOver = each.toSeq !== null && each.toSeq <= state.seq;
      this.#idle.push(isOver ? each : { ...each, toMs: null, toSeq: null });
    }
    for (const [key, verdicts] of before === null ? [] : before.#verdicts) {
      this.#verdicts.set(
        key,
        verdicts.filter(({ seq }) => seq <= state.seq),
      );
    }
  }

  take(event: CoreEvent): void {
    switch (event.type) {
      case "node-enrolled":
        this.#nodes.set(event.node, { account: event.account, symbols: [], isLinked: false });
        break;
      case "node-connected": {
        const node = this.#nodes.get(event.node);
        if (node === undefined) return;
        const symbols = event.supplies.map(({ symbol }) => symbol);
        this.#nodes.set(event.node, { ...node, symbols, isLinked: true });
        this.#note(event, [...node.symbols, ...symbols]);
        break;
      }
      case "node-disconnected": {
        const node = this.#nodes.get(event.node);
        if (node !== undefined) node.isLinked = false;
        this.#note(event, node?.symbols ?? []);
        break;
      }
      case "exchange-resumed":
        for (const node of this.#nodes.values()) node.isLinked = false;
        this.#note(
          event,
          [...this.#nodes.values()].flatMap(({ symbols }) => symbols),
        );
        break;
      case "breaker-opened":
        this.#paused.add(keyOf(event.account, event.symbol));
        this.#note(event, [event.symbol]);
        break;
      case "breaker-half-opened":
        this.#paused.delete(keyOf(event.account, event.symbol));
        this.#note(event, [event.symbol]);
        break;
      case "delivery-judged":
        for (const { supplier, verdict, cause } of event.attempts) {
          if (verdict === "excused" || UNSENT.includes(cause)) continue;
          const slot = Math.floor(event.atMs / SLOT_MS);
          const key = `${keyOf(supplier, event.symbol)} ${slot}`;
          const known = this.#verdicts.get(key) ?? [];
          known.push({ isFailed: verdict === "failed", seq: event.seq });
          this.#verdicts.set(key, known);
        }
        break;
    }
  }

  /** Whether the last request that was judged in a slot failed. */
  hasFailed(account: number, symbol: string, fromMs: number): boolean {
    const key = `${keyOf(account, symbol)} ${Math.floor(fromMs / SLOT_MS)}`;
    return this.#verdicts.get(key)?.at(-1)?.isFailed === true;
  }

  /** How long an instrument was not served between two times; what lasts counts until `nowMs`. */
  idleMs(account: number, symbol: string, fromMs: number, toMs: number, nowMs: number): number {
    let idleMs = 0;
    for (const each of this.#idle) {
      if (each.key !== keyOf(account, symbol)) continue;
      idleMs += Math.max(0, Math.min(each.toMs ?? nowMs, toMs) - Math.max(each.fromMs, fromMs));
    }
    return idleMs;
  }

  #note({ atMs, seq }: CoreEvent, symbols: readonly string[]): void {
    const accounts = new Set([...this.#nodes.values()].map(({ account }) => account));
    for (const account of accounts) {
      for (const symbol of new Set(symbols)) {
        const key = keyOf(account, symbol);
        const open = this.#idle.find((each) => each.key === key && each.toMs === null);
        const serves = this.#serves(account, symbol);
        if (!serves && open === undefined) {
          this.#idle.push({ key, fromMs: atMs, fromSeq: seq, toMs: null, toSeq: null });
        } else if (serves && open !== undefined) {
          open.toMs = atMs;
          open.toSeq = seq;
        }
      }
    }
  }

  #serves(account: number, symbol: string): boolean {
    if (this.#paused.has(keyOf(account, symbol))) return false;
    for (const node of this.#nodes.values()) {
      if (node.account === account && node.isLinked && node.symbols.includes(symbol)) return true;
    }
    return false;
  }
}

const keyOf = (account: number, symbol: string): string => `${account}/${symbol}`;
