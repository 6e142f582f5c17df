/** What node, link and issuance events do to the state. */
import { absenceStepsMs } from "#exchange/core/clearing/close-out.ts";
import { SLOT_MS } from "#exchange/core/clearing/expiry.ts";
import type { Attendance, CoreState, Node, Supply } from "#exchange/core/state.ts";
import { policyOf } from "#exchange/core/turn.ts";
import type { Appliers } from "./apply.ts";

/** What a node that announced its going is disconnected with. */
export const DRAIN_REASON = "drain";

/** How many Lot lifetimes of attendance are kept at least; beyond, only what an open Lot still needs. */
const LIFETIMES_KEPT = 3;

export const supplyAppliers: Appliers<
  | "node-enrolled"
  | "node-connected"
  | "node-disconnected"
  | "supplier-away"
  | "supplier-back"
  | "supplier-grace-ended"
  | "supply-issued"
  | "supply-transferred"
  | "supply-burned"
  | "exchange-resumed"
> = {
  "node-enrolled": (state, { node, account, name, publicKey, tokenHash, atMs }) => {
    state.counters.node = node;
    const enrolled: Node = {
      number: node,
      account,
      name,
      publicKey,
      enrolledAtMs: atMs,
      session: null,
      slots: 0,
      supplies: [],
    };
    state.nodes.set(node, enrolled);
    state.serving.add(enrolled);
    state.nodesByKey.set(publicKey, node);
    const token = state.joinTokens.get(tokenHash);
    if (token === undefined) return;
    token.nodesLeft -= 1;
    if (token.nodesLeft < 1) state.joinTokens.delete(tokenHash);
  },
  "node-connected": (state, { node, session, slots, supplies }) => {
    const linked = nodeOf(state, node);
    linked.session = session;
    linked.slots = slots;
    linked.supplies = supplies;
    state.serving.refresh(linked.account);
  },
  "node-disconnected": (state, { node, reason }) => {
    const unlinked = nodeOf(state, node);
    unlinked.session = null;
    state.serving.refresh(unlinked.account);
    // Only what ends the last link says why the supplier is away.
    attendanceOf(state, unlinked.account).isDrained =
      reason === DRAIN_REASON && !state.serving.isLinked(unlinked.account);
  },
  "supplier-away": (state, { account, graceEndsAtMs, atMs }) => {
    const attendance = attendanceOf(state, account);
    attendance.awaySinceMs ??= atMs;
    attendance.graceEndsAtMs = graceEndsAtMs;
    state.due.push({ dueMs: graceEndsAtMs, kind: "supplier-grace", id: account });
    for (const stepMs of absenceStepsMs(state)) {
      state.due.push({ dueMs: attendance.awaySinceMs + stepMs, kind: "absence", id: account });
    }
  },
  "supplier-back": (state, { account, atMs }) => {
    const attendance = attendanceOf(state, account);
    if (attendance.awaySinceMs !== null) addAway(attendance, attendance.awaySinceMs, atMs);
    attendance.awaySinceMs = null;
    attendance.graceEndsAtMs = null;
    attendance.isDrained = false;
    forgetSlots(state, account, atMs);
  },
  "supplier-grace-ended": (state, { account }) => {
    attendanceOf(state, account).graceEndsAtMs = null;
  },
  "supply-issued": (state, { issuance, account, symbol, tokens, toTrading }) => {
    state.counters.issuance = issuance;
    const supply = openSupply(state, account, symbol);
    supply.totalIssuedTokens += tokens;
    if (!toTrading) supply.inIssuanceTokens += tokens;
  },
  "supply-transferred": (state, { transfer, account, symbol, tokens }) => {
    state.counters.transfer = transfer;
    openSupply(state, account, symbol).inIssuanceTokens -= tokens;
  },
  "supply-burned": (state, { account, symbol, tokens }) => {
    // Units that were not on offer go first; what is burned beyond them was in issuance.
    const supply = openSupply(state, account, symbol);
    supply.inIssuanceTokens = Math.max(0, supply.inIssuanceTokens - tokens);
  },
  "exchange-resumed": (state, { lastSeenMs, outageMs, atMs }) => {
    for (const node of state.nodes.values()) node.session = null;
    for (const { account } of state.nodes.values()) state.serving.refresh(account);
    if (outageMs <= 0) return;
    state.outages.push({ fromMs: lastSeenMs, toMs: atMs });
    for (const lot of state.lots.values()) {
      if (lot.expiresAtMs === null) continue;
      lot.expiresAtMs += outageMs;
      state.due.push({ dueMs: lot.expiresAtMs, kind: "lot-expiry", id: lot.number });
    }
    forgetOutages(state);
  },
};

/** An outage is kept while a Lot that lived through it is open. */
function forgetOutages(state: CoreState): void {
  let oldestEntryMs = state.outages.at(-1)?.fromMs ?? 0;
  for (const lot of state.lots.values()) {
    if (lot.enteredAtMs !== null && lot.enteredAtMs < oldestEntryMs)
      oldestEntryMs = lot.enteredAtMs;
  }
  state.outages = state.outages.filter((outage) => outage.toMs >= oldestEntryMs);
}

/** A tolled Lot may be older than any lifetime: its slots count until it ends. */
function forgetSlots(state: CoreState, account: number, nowMs: number): void {
  const { awayMsBySlot } = attendanceOf(state, account);
  const keptMs = nowMs - LIFETIMES_KEPT * policyOf(state).lotLifetimeMs;
  const old = [...awayMsBySlot.keys()].filter((slot) => slot < keptMs / SLOT_MS);
  if (old.length === 0) return;
  let oldestEntryMs = keptMs;
  for (const { supplier, enteredAtMs } of state.lots.values()) {
    if (supplier !== account || enteredAtMs === null) continue;
    if (enteredAtMs < oldestEntryMs) oldestEntryMs = enteredAtMs;
  }
  for (const slot of old) if (slot < oldestEntryMs / SLOT_MS) awayMsBySlot.delete(slot);
}

function addAway(attendance: Attendance, fromMs: number, toMs: number): void {
  let atMs = fromMs;
  while (atMs < toMs) {
    const slot = Math.floor(atMs / SLOT_MS);
    const endMs = Math.min(toMs, (slot + 1) * SLOT_MS);
    attendance.awayMsBySlot.set(slot, (attendance.awayMsBySlot.get(slot) ?? 0) + endMs - atMs);
    atMs = endMs;
  }
}

function attendanceOf(state: CoreState, account: number): Attendance {
  let attendance = state.attendance.get(account);
  if (attendance === undefined) {
    attendance = {
      awaySinceMs: null,
      graceEndsAtMs: null,
      isDrained: false,
      awayMsBySlot: new Map(),
    };
    state.attendance.set(account, attendance);
  }
  return attendance;
}

/** The issuance figures of a supplier and instrument, made on first use. */
export function openSupply(state: CoreState, account: number, symbol: string): Supply {
  const { key } = state.ledger.names.supply(account, symbol);
  let supply = state.supplies.get(key);
  if (supply === undefined) {
    supply = {
      account,
      symbol,
      inIssuanceTokens: 0,
      totalIssuedTokens: 0,
      owedTokens: 0,
      deliveredTokens: 0,
    };
    state.supplies.set(key, supply);
  }
  return supply;
}

function nodeOf(state: CoreState, number: number) {
  const node = state.nodes.get(number);
  if (node === undefined) throw new Error(`node ${number} does not exist`);
  return node;
}
