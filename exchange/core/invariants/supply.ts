/** Nodes and suppliers: what is promised stands in the ledger, and is no more than was measured. */
import { issued, issuer } from "#exchange/core/ledger/account-names.ts";
import type { CoreState, Supply } from "#exchange/core/state.ts";
import { BASIS_POINTS } from "#protocol/money.ts";
import { isDue } from "./clearing.ts";

/** Each node is found by its key, and what suppliers serve together follows from their nodes. In one step. */
export function* nodeBreaches(state: CoreState): Generator<string> {
  for (const { number, publicKey } of state.nodes.values()) {
    const found = state.nodesByKey.get(publicKey);
    if (found !== number) yield `node ${number} is found as ${found} by its key`;
  }
  if (state.nodesByKey.size !== state.nodes.size) {
    yield `${state.nodesByKey.size} keys of nodes are known, ${state.nodes.size} nodes are there`;
  }
  yield* state.serving.problems(state.nodes.values());
}

export function* supplyBreaches(state: CoreState, supply: Supply): Generator<string> {
  const { account, symbol, owedTokens, inIssuanceTokens } = supply;
  const where = `supplier ${account}/${symbol}`;
  const unsold = state.ledger.balance(issued(account, symbol));
  const promised = -state.ledger.balance(issuer(account, symbol));
  if (promised !== unsold + BigInt(owedTokens)) {
    yield `${where} promised ${promised} tokens, ${unsold} are unsold and ${owedTokens} owed`;
  }
  if (inIssuanceTokens < 0 || BigInt(inIssuanceTokens) > unsold) {
    yield `${where} has ${inIssuanceTokens} tokens in issuance, ${unsold} are unsold`;
  }
  const limit = unsoldMax(state, supply);
  if (limit !== null && unsold > limit) {
    yield `${where} has ${unsold} tokens unsold beside ${owedTokens} owed, its nodes allow ${limit}`;
  }
}

/** Tokens that may be unsold: what theta x capacity leaves beside the open Lots; null in a grace period. */
function unsoldMax(state: CoreState, { account, symbol, owedTokens }: Supply): bigint | null {
  const { serving, policy, attendance } = state;
  if (policy !== null && serving.canServe(account, symbol)) {
    const capacity = BigInt(Math.floor(serving.capacityTokens(account, symbol)));
    const left = (capacity * BigInt(policy.issuanceThetaBps)) / BASIS_POINTS - BigInt(owedTokens);
    return left > 0n ? left : 0n;
  }
  const { awaySinceMs = null, graceEndsAtMs = null } = attendance.get(account) ?? {};
  return awaySinceMs !== null && graceEndsAtMs === null ? 0n : null;
}

/** Who is away is linked by no node, and a grace period ends. */
export function* attendanceBreaches(state: CoreState): Generator<string | null> {
  for (const [account, { awaySinceMs, graceEndsAtMs }] of state.attendance) {
    if ((awaySinceMs === null) !== state.serving.isLinked(account)) {
      yield `supplier ${account} is away since ${awaySinceMs}, its nodes say otherwise`;
    }
    const isOver = graceEndsAtMs !== null && graceEndsAtMs <= state.nowMs;
    if (isOver && !isDue(state, "supplier-grace", account)) {
      yield `the grace of supplier ${account} ended at ${graceEndsAtMs}, and nothing will end it`;
    }
    yield null;
  }
}
