/**
 * The whole state as canonical JSON: keys and rows in a fixed order, so that two equal states have
 * equal bytes. "Replay equals live" is the equality of these bytes.
 */

import { indexStop } from "./apply/order-terms-events.ts";
import { isInDefault } from "./clearing/close-out.ts";
import { Holdings } from "./clearing/holdings.ts";
import { namesOfLot } from "./clearing/lots.ts";
import { awaitSweep } from "./clearing/sweep-times.ts";
import { TradingLots } from "./clearing/trading-lots.ts";
import { DueQueue } from "./due-queue.ts";
import { holdNameOf, marginNameOf } from "./ledger/account-names.ts";
import { Ledger, type LedgerSnapshot } from "./ledger/ledger.ts";
import { restoreOrderBook } from "./market/order-book.ts";
import type { BookSnapshot } from "./market/order-book-port.ts";
import { StopIndex } from "./market/stop-index.ts";
import { dueTimes, restoreSupplier } from "./sla/standing.ts";
import type { CoreState, Lot } from "./state.ts";
import { Serving } from "./supply/serving.ts";

export const SNAPSHOT_SCHEMA_VERSION = 5;

/** A core that has seen nothing. */
export function createEmptyState(): CoreState {
  const lots = new Map<number, Lot>();
  return {
    seq: 0,
    nowMs: 0,
    policy: null,
    counters: {
      account: 0,
      instrument: 0,
      order: 0,
      trade: 0,
      lot: 0,
      delivery: 0,
      node: 0,
      issuance: 0,
      transfer: 0,
      withdrawal: 0,
    },
    ledger: new Ledger(),
    accounts: new Map(),
    instruments: new Map(),
    orders: new Map(),
    terms: new Map(),
    groups: new Map(),
    cancelsAfter: new Map(),
    triggered: [],
    lots,
    deliveries: new Map(),
    nodes: new Map(),
    nodesByKey: new Map(),
    supplies: new Map(),
    attendance: new Map(),
    suppliers: new Map(),
    lotWatch: null,
    apiKeys: new Map(),
    signingKeys: new Map(),
    joinTokens: new Map(),
    clientIds: new Map(),
    clientIdCounts: new Map(),
    clientIdsDueMs: 0,
    fundUse: new Map(),
    referencesDueMs: 0,
    joinTokensDueMs: 0,
    references: new Map(),
    withdrawals: new Map(),
    outages: [],
    due: new DueQueue(),
    serving: new Serving(),
    holdings: new Holdings(lots),
    tradingLots: new TradingLots(lots),
    deliveryHalts: new Map(),
    resales: new Set(),
  };
}

/** Fields that follow from others: they are in no snapshot, and made again from one. */
const FOLLOWING = new Set([
  "due",
  "serving",
  "holdings",
  "lotWatch",
  "tradingLots",
  "resales",
  "sweepsAtMs",
  "clientIdsDueMs",
  "referencesDueMs",
  "joinTokensDueMs",
  "holdName",
  "marginName",
  "freeTokens",
  "names",
  "stops",
]);

/** Writes bigints as strings (their keys end in `Micros`), Maps as rows sorted by key, Sets as sorted arrays. */
function canonical(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Map) {
    return [...value].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, canonical(v)]);
  }
  if (value instanceof Set) return [...value].sort((a, b) => a - b);
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== "object") return value;
  const sorted: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) {
    if (FOLLOWING.has(key)) continue;
    sorted[key] = canonical((value as Record<string, unknown>)[key]);
  }
  return sorted;
}

/** Encodes the state. Client ids and references keep their order of arrival: it decides which is forgotten first. */
export function encodeState(state: CoreState): string {
  const { ledger, instruments, clientIds, references, ...plain } = state;
  return JSON.stringify({
    schema: SNAPSHOT_SCHEMA_VERSION,
    ...(canonical(plain) as object),
    ledger: ledger.snapshot(),
    instruments: [...instruments.values()].map(({ book, ...rest }) => ({
      ...(canonical(rest) as object),
      book: book.snapshot(),
    })),
    clientIds: [...clientIds],
    references: [...references],
  });
}

/** A recorded answer, whose keys are not ours to read: it is repeated as it was given. */
const VERBATIM = "result";

type Rows = [never, never][];

/** Rebuilds the state from `encodeState`'s text. Throws when the schema is another. */
export function decodeState(text: string): CoreState {
  const raw = JSON.parse(text);
  readAmounts(raw);
  if (raw.schema !== SNAPSHOT_SCHEMA_VERSION) {
    throw new Error(`snapshot schema ${raw.schema}, this version reads ${SNAPSHOT_SCHEMA_VERSION}`);
  }
  const state = createEmptyState();
  const maps = [
    "terms",
    "groups",
    "cancelsAfter",
    "deliveries",
    "nodes",
    "nodesByKey",
    "supplies",
    "apiKeys",
    "signingKeys",
    "joinTokens",
    "clientIds",
    "clientIdCounts",
    "fundUse",
    "references",
    "deliveryHalts",
    "withdrawals",
  ] as const;
  for (const name of maps) {
    for (const [key, value] of raw[name] as Rows)
      (state[name] as Map<unknown, unknown>).set(key, value);
  }
  for (const [number, row] of raw.orders) {
    const holdName = holdNameOf(row.side, number);
    if (row.lots.length > 0) state.resales.add(number);
    state.orders.set(number, { ...row, holdName, marginName: marginNameOf(row.side, number) });
  }
  for (const [number, row] of raw.accounts) {
    state.accounts.set(number, {
      ...row,
      openOrders: new Set(row.openOrders),
      lots: new Set(row.lots),
      sweepsAtMs: null,
    });
  }
  for (const [account, row] of raw.attendance) {
    state.attendance.set(account, row);
  }
  for (const [account, row] of raw.suppliers) {
    state.suppliers.set(account, restoreSupplier(row));
  }
  for (const { book, ...rest } of raw.instruments) {
    state.instruments.set(rest.instrument.symbol, {
      ...rest,
      book: restoreOrderBook(book as BookSnapshot),
      stops: new StopIndex(),
    });
  }
  for (const order of state.orders.values()) {
    if (order.status === "waiting") indexStop(state, order);
  }
  state.triggered = raw.triggered;
  state.seq = raw.seq;
  state.nowMs = raw.nowMs;
  state.policy = raw.policy;
  state.counters = raw.counters;
  state.outages = raw.outages;
  state.ledger = Ledger.restore(raw.ledger as LedgerSnapshot);
  for (const [number, row] of raw.lots) {
    const lot: Lot = { ...row, freeTokens: 0, names: null };
    lot.freeTokens = Number(state.ledger.free(namesOfLot(lot).tokens));
    state.lots.set(number, lot);
  }
  for (const node of state.nodes.values()) state.serving.add(node);
  for (const { account, instruments } of state.suppliers.values()) {
    for (const { symbol, breaker } of instruments.values()) {
      if (breaker.phase === "open") state.serving.stop(account, symbol);
      if (breaker.phase === "half-open") state.serving.tryOut(account, symbol);
    }
  }
  fillDueQueue(state);
  return state;
}

/** In place, and not as a reviver of `JSON.parse`, which takes several times as long. */
function readAmounts(fields: Record<string, unknown> | unknown[]): void {
  if (Array.isArray(fields)) {
    // The book's columns are long arrays of numbers alone; a row has its key first, then an object.
    if (typeof fields[0] === "number" && typeof fields.at(-1) === "number") return;
    for (const value of fields) {
      if (value !== null && typeof value === "object") readAmounts(value as unknown[]);
    }
    return;
  }
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    if (typeof value === "string") {
      if (key.endsWith("Micros")) fields[key] = BigInt(value);
    } else if (value !== null && typeof value === "object" && key !== VERBATIM) {
      readAmounts(value as Record<string, unknown>);
    }
  }
}

/** What is due follows from the rest of the state. */
function fillDueQueue(state: CoreState): void {
  for (const lot of state.lots.values()) {
    if (lot.tradingSinceMs !== null) awaitSweep(state, lot.owner, lot.tradingSinceMs);
    if (lot.expiresAtMs === null) continue;
    state.due.push({ dueMs: lot.expiresAtMs, kind: "lot-expiry", id: lot.number });
  }
  for (const [order, { expiresAtMs }] of state.terms) {
    if (expiresAtMs === null) continue;
    state.due.push({ dueMs: expiresAtMs, kind: "order-expiry", id: order });
  }
  for (const { number, trading } of state.instruments.values()) {
    const { phase, endsAtMs, sinceMs } = trading;
    if (phase === "closed") state.due.push({ dueMs: sinceMs, kind: "market-close", id: number });
    if (endsAtMs !== null) state.due.push({ dueMs: endsAtMs, kind: "auction-end", id: number });
  }
  for (const [account, dueMs] of state.cancelsAfter) {
    state.due.push({ dueMs, kind: "cancel-after", id: account });
  }
  for (const { number, expiresAtMs } of state.withdrawals.values()) {
    state.due.push({ dueMs: expiresAtMs, kind: "withdrawal-expiry", id: number });
  }
  for (const delivery of state.deliveries.values()) {
    state.due.push({ dueMs: delivery.timeoutAtMs, kind: "delivery-timeout", id: delivery.number });
  }
  for (const [account, { awaySinceMs, graceEndsAtMs }] of state.attendance) {
    if (graceEndsAtMs !== null) {
      state.due.push({ dueMs: graceEndsAtMs, kind: "supplier-grace", id: account });
    }
    // Its first step is looked at, the others follow from that.
    if (awaySinceMs !== null) state.due.push({ dueMs: awaySinceMs, kind: "absence", id: account });
  }
  for (const { account } of state.supplies.values()) {
    if (isInDefault(state, account)) state.due.push({ dueMs: 0, kind: "absence", id: account });
  }
  for (const supplier of state.suppliers.values()) {
    for (const dueMs of dueTimes(supplier)) {
      state.due.push({ dueMs, kind: "supplier-standing", id: supplier.account });
    }
  }
}
