/**
 * What each supplier's linked nodes serve, added up when one of them changes, so that no ask and no
 * reservation has to search all nodes. Follows from nodes and breakers: in no snapshot.
 */
import type { Node } from "#exchange/core/state.ts";

interface Row {
  nodes: Node[];
  isLinked: boolean;
  /** Tokens per window by instrument; an instrument that no linked node serves is not in it. */
  capacityTokens: Map<string, number>;
  /** Instruments that are stopped, whatever its nodes could serve. */
  stopped: Set<string>;
  /** Linked and not stopped. */
  serves: Set<string>;
  /** Instruments that it serves on trial. */
  onTrial: Set<string>;
}

export class Serving {
  readonly #rows = new Map<number, Row>();

  /** A node of its supplier, linked or not. */
  add(node: Node): void {
    this.#open(node.account).nodes.push(node);
    this.refresh(node.account);
  }

  /** The supplier's breaker opened: its nodes do not serve the instrument until it is tried out. */
  stop(account: number, symbol: string): void {
    const { stopped, onTrial } = this.#open(account);
    stopped.add(symbol);
    onTrial.delete(symbol);
    this.refresh(account);
  }

  /** Its breaker is half-open: it serves again, a few at a time. */
  tryOut(account: number, symbol: string): void {
    this.#open(account).onTrial.add(symbol);
    this.#start(account, symbol);
  }

  /** Its breaker is closed. */
  go(account: number, symbol: string): void {
    this.#open(account).onTrial.delete(symbol);
    this.#start(account, symbol);
  }

  #start(account: number, symbol: string): void {
    this.#open(account).stopped.delete(symbol);
    this.refresh(account);
  }

  #open(account: number): Row {
    let row = this.#rows.get(account);
    if (row === undefined) {
      row = {
        nodes: [],
        isLinked: false,
        capacityTokens: new Map(),
        stopped: new Set(),
        serves: new Set(),
        onTrial: new Set(),
      };
      this.#rows.set(account, row);
    }
    return row;
  }

  /** To be called when a node of the supplier came, went or changed what it serves. */
  refresh(account: number): void {
    const row = this.#rows.get(account);
    if (row === undefined) return;
    row.isLinked = false;
    row.capacityTokens.clear();
    row.serves.clear();
    for (const { session, supplies } of row.nodes) {
      if (session === null) continue;
      row.isLinked = true;
      for (const { symbol, capacityTokens } of supplies) {
        row.capacityTokens.set(symbol, (row.capacityTokens.get(symbol) ?? 0) + capacityTokens);
        if (!row.stopped.has(symbol)) row.serves.add(symbol);
      }
    }
  }

  /** What is wrong with the rows, against these nodes. */
  *problems(nodes: Iterable<Node>): Generator<string> {
    const fresh = new Serving();
    for (const node of nodes) fresh.add(node);
    const accounts = new Set([...this.#rows.keys(), ...fresh.#rows.keys()]);
    for (const account of accounts) {
      const [counted, found] = [this, fresh].map((each) => each.#shown(account));
      if (counted !== found) {
        yield `supplier ${account} is counted as ${counted}, by its nodes it is ${found}`;
      }
    }
  }

  #shown(account: number): string {
    const { isLinked = false, capacityTokens = new Map() } = this.#rows.get(account) ?? {};
    const served = [...capacityTokens].map(([symbol, tokens]) => `${tokens} of ${symbol}`).sort();
    return `${isLinked ? "linked" : "away"} with ${served.join(", ") || "nothing"}`;
  }

  isLinked(account: number): boolean {
    return this.#rows.get(account)?.isLinked ?? false;
  }

  canServe(account: number, symbol: string): boolean {
    return this.#rows.get(account)?.serves.has(symbol) ?? false;
  }

  isOnTrial(account: number, symbol: string): boolean {
    return this.#rows.get(account)?.onTrial.has(symbol) ?? false;
  }

  /** Whether a linked node serves the instrument, stopped or not. */
  isOffered(account: number, symbol: string): boolean {
    return this.#rows.get(account)?.capacityTokens.has(symbol) ?? false;
  }

  capacityTokens(account: number, symbol: string): number {
    return this.#rows.get(account)?.capacityTokens.get(symbol) ?? 0;
  }
}
