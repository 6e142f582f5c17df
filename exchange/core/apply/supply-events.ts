/** What node, link and issuance events do to the state. */
import { absenceStepsMs, DRAINS_KEPT_MS } from "#exchange/core/clearing/close-out.ts";
import { noteServing } from "#exchange/core/sla/health.ts";
import type { Attendance, CoreState, Node, Supply } from "#exchange/core/state.ts";
import type { Appliers } from "./apply.ts";

/** What a node that announced its going is disconnected with. */
export const DRAIN_REASON = "drain";

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
  "node-connected": (state, { node, session, slots, supplies, atMs }) => {
    const linked = nodeOf(state, node);
    linked.session = session;
    linked.slots = slots;
    linked.supplies = supplies;
    state.serving.refresh(linked.account);
    noteServing(state, linked.account, atMs);
  },
  "node-disconnected": (state, { node, reason, atMs }) => {
    const unlinked = nodeOf(state, node);
    unlinked.session = null;
    state.serving.refresh(unlinked.account);
    noteServing(state, unlinked.account, atMs);
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
    const { awaySinceMs, isDrained, drains } = attendance;
    if (awaySinceMs !== null && isDrained) drains.push({ fromMs: awaySinceMs, toMs: atMs });
    attendance.drains = drains.filter(({ toMs }) => toMs > atMs - DRAINS_KEPT_MS);
    attendance.awaySinceMs = null;
    attendance.graceEndsAtMs = null;
    attendance.isDrained = false;
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
    for (const { account } of state.nodes.values()) {
      state.serving.refresh(account);
      noteServing(state, account, atMs);
    }
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

/** An outage is kept while a Lot is open that lived through it, or whose supplier has been away since before. */
function forgetOutages(state: CoreState): void {
  let oldestEntryMs = state.outages.at(-1)?.fromMs ?? 0;
  for (const { enteredAtMs, supplier } of state.lots.values()) {
    const awaySinceMs = state.attendance.get(supplier)?.awaySinceMs ?? null;
    if (enteredAtMs !== null && enteredAtMs < oldestEntryMs) oldestEntryMs = enteredAtMs;
    if (awaySinceMs !== null && awaySinceMs < oldestEntryMs) oldestEntryMs = awaySinceMs;
  }
  state.outages = state.outages.filter((outage) => outage.toMs >= oldestEntryMs);
}

function attendanceOf(state: CoreState, account: number): Attendance {
  let attendance = state.attendance.get(account);
  if (attendance === undefined) {
    attendance = {
      awaySinceMs: null,
      graceEndsAtMs: null,
      isDrained: false,
      drains: [],
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
