/**
 * What has to happen when: a binary heap ordered by (due time, kind, id). Entries are never removed
 * early; whoever takes one out checks that it still stands.
 */

/** Order of kinds that fall due in the same millisecond. */
export const DUE_KINDS = [
  // Before what ends in the same millisecond: a Lot that is swept and over was in Consumption.
  "sweep",
  // Before what may let orders trade in the same millisecond: an order whose time is over does not.
  "order-expiry",
  "cancel-after",
  "market-close",
  // After orders whose time was over at its end.
  "auction-end",
  "lot-expiry",
  "delivery-timeout",
  "withdrawal-expiry",
  "supplier-grace",
  "absence",
  // After what ends in the same millisecond: its pay belongs to the window that closes.
  "supplier-standing",
] as const;
export type DueKind = (typeof DUE_KINDS)[number];

export interface DueItem {
  dueMs: number;
  kind: DueKind;
  id: number;
}

function before(a: DueItem, b: DueItem): boolean {
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs;
  if (a.kind !== b.kind) return DUE_KINDS.indexOf(a.kind) < DUE_KINDS.indexOf(b.kind);
  return a.id < b.id;
}

/** A queue of due items; the order in which they come out depends on the items alone. */
export class DueQueue {
  readonly #heap: DueItem[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(item: DueItem): void {
    const heap = this.#heap;
    let at = heap.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as DueItem;
      if (!before(item, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  }

  /** Whether something is due at `nowMs`. */
  hasDue(nowMs: number): boolean {
    return (this.#heap[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= nowMs;
  }

  /** Whether that very item is due at `nowMs` and was not taken out; looks at what is due only. */
  waits(kind: DueKind, id: number, nowMs: number): boolean {
    const open = [0];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const item = this.#heap[at];
      if (item === undefined || item.dueMs > nowMs) continue;
      if (item.kind === kind && item.id === id) return true;
      open.push(2 * at + 1, 2 * at + 2);
    }
    return false;
  }

  /** The first item if it is due at `nowMs`, taken out; else null. */
  takeDue(nowMs: number): DueItem | null {
    const first = this.#heap[0];
    if (first === undefined || first.dueMs > nowMs) return null;
    const last = this.#heap.pop() as DueItem;
    if (this.#heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(item: DueItem): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as DueItem)) child += 1;
      const below = heap[child] as DueItem;
      if (!before(below, item)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = item;
  }
}
