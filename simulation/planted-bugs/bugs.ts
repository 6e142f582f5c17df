/**
 * Bugs to plant: each a change of a few characters of the source, made in a copy of the tree, so that
 * no switch of the kind stands in the code that runs. The simulation must find every one of them; one
 * that it does not see would be a promise that nobody watches.
 */
export interface PlantedBug {
  name: string;
  file: string;
  /** Must stand in the file exactly once. */
  find: string;
  replace: string;
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: "answers leave before the sync",
    file: "exchange/group-commit.ts",
    find: "await journal.append(",
    replace: "journal.append(",
  },
  {
    name: "reads leave before the sync",
    file: "exchange/journaled-shell.ts",
    find: "      await commit.released(core.state.seq);\n      return shown;",
    replace: "      return shown;",
  },
  {
    name: "a commit is not synced",
    file: "exchange/journal/sqlite-file.ts",
    find: 'db.pragma("synchronous = FULL")',
    replace: 'db.pragma("synchronous = NORMAL")',
  },
  {
    name: "the chain of batches is not proved",
    file: "exchange/journal/hash-chain.ts",
    find: "return equal(batch.hash, chainHash(batch)) ? null :",
    replace: "return batch.hash.length > 0 ? null :",
  },
  {
    name: "a snapshot forgets the client order ids",
    file: "exchange/core/snapshot.ts",
    find: "clientIds: [...clientIds],",
    replace: "clientIds: [...clientIds].slice(0, 0),",
  },
  {
    name: "a hold is released twice",
    file: "exchange/core/ledger/ledger.ts",
    find: "hold.account.held -= amount;",
    replace: "hold.account.held -= 2n * amount;",
  },
  {
    name: "expiry ignores reservations",
    file: "exchange/core/timers.ts",
    find: "if (lot.openDeliveries === 0) expireLot",
    replace: "if (lot.openDeliveries >= 0) expireLot",
  },
  {
    name: "an expired Lot stays open when its delivery moves on",
    file: "exchange/core/clearing/remedy.ts",
    find: "for (const { lot } of own) closeLotIfDone(turn, lot);",
    replace: "",
  },
  {
    name: "client order ids are forgotten too soon",
    file: "exchange/core/timers.ts",
    find: "outlived(turn, state.clientIds, policyOf(state).clientIdKeptMs)",
    replace: "outlived(turn, state.clientIds, policyOf(state).clientIdKeptMs / 60)",
  },
  {
    name: "an order's digest lacks its quantity",
    file: "exchange/core/market/orders.ts",
    find: "    command.quantity,\n    command.priceTicks,\n    command.maxSlippageBps,",
    replace: "    command.priceTicks,\n    command.maxSlippageBps,",
  },
  {
    name: "a deposit's reference is not kept",
    file: "exchange/core/apply/account-events.ts",
    find: '"funds-deposited": (state, { reference, digest, atMs }) => {\n    state.references.set(reference, { digest, atMs });',
    replace:
      '"funds-deposited": (state, { reference, digest, atMs }) => {\n    state.references.set(digest, { digest: reference, atMs });',
  },
  {
    name: "an account trades with itself",
    file: "exchange/core/market/matching.ts",
    find: "if (resting.account === taker.account)",
    replace: "if (resting.account === -taker.account)",
  },
  {
    name: "a trade is at the taker's price",
    file: "exchange/core/market/matching.ts",
    find: "emitTrade(turn, maker, taker, fill.quantity, fill.priceTicks)",
    replace: "emitTrade(turn, maker, taker, fill.quantity, taker.priceTicks)",
  },
  {
    name: "asks stay in the book while their supplier is away",
    file: "exchange/core/supply/nodes.ts",
    find: 'asks.filter(({ status }) => status === "open"),',
    replace: 'asks.filter(({ status }) => status === "open").slice(1),',
  },
  {
    name: "the end of an old session ends the new one",
    file: "exchange/core/supply/nodes.ts",
    find: "if (node === undefined || node.session !== command.session) return",
    replace: "if (node === undefined || node.session === null) return",
  },
  {
    name: "an attempt that is over is paid",
    file: "exchange/core/clearing/settlement.ts",
    find: "if (delivery.attempt !== attempt)",
    replace: "if (delivery.attempt < attempt)",
  },
  {
    name: "more is billed than was reserved",
    file: "exchange/core/clearing/settlement.ts",
    find: "Math.min(promptTokens + completionTokens, reserved)",
    replace: "Math.min(promptTokens + completionTokens, 2 * reserved)",
  },
  {
    name: "each use of a Lot is rounded by itself",
    file: "exchange/core/clearing/cost.ts",
    find: "const used = BigInt(lot.usedTokens + tokens);",
    replace:
      "if (lot.usedTokens + tokens < lot.tokens)\n    return divideFloor(lot.valueMicros * BigInt(tokens), BigInt(lot.tokens));\n  const used = BigInt(lot.usedTokens + tokens);",
  },
  {
    name: "a retry goes to the supplier that failed",
    file: "exchange/core/clearing/remedy.ts",
    find: "const excluded = [...delivery.excluded, delivery.supplier];",
    replace: "const excluded = [...delivery.excluded];",
  },
  {
    name: "bids hold too much",
    file: "exchange/core/market/fees.ts",
    find: 'return valueMicros + shareCeil(valueMicros, heldBpsOf(policy, "buy"));',
    replace: 'return 1_000_000n + valueMicros + shareCeil(valueMicros, heldBpsOf(policy, "buy"));',
  },
  {
    name: "asks hold no bond",
    file: "exchange/core/market/order-funds.ts",
    find: "if (margin.held === 0n)",
    replace: "if (margin.held >= 0n)",
  },
  {
    name: "a Lot has no bond behind it",
    file: "exchange/core/market/trade.ts",
    find: "const amount = wanted < reachable ? wanted : reachable;",
    replace: "const amount = wanted < reachable ? 0n : reachable;",
  },
  {
    name: "ten times the capacity may be issued",
    file: "exchange/core/supply/capacity.ts",
    find: "return (capacity * BigInt",
    replace: "return (10n * capacity * BigInt",
  },
  {
    name: "revoking a key does nothing",
    file: "exchange/core/apply/account-events.ts",
    find: "state.apiKeys.delete(key);",
    replace: "",
  },
  {
    name: "any key reserves",
    file: "exchange/core/clearing/reservation.ts",
    find: "if (apiKeys.get(keyId)?.account === account) return null;",
    replace: "if (apiKeys.size + account + keyId.length > 0) return null;",
  },
  {
    name: "the output is not billed",
    file: "exchange/core/clearing/settlement.ts",
    find: "Math.min(promptTokens + completionTokens, reserved)",
    replace: "Math.min(promptTokens, reserved)",
  },
  {
    name: "a delivery is billed after its time",
    file: "exchange/core/clearing/settlement.ts",
    find: "if (delivery.timeoutAtMs <= turn.nowMs)",
    replace: "if (delivery.timeoutAtMs < 0)",
  },
  {
    name: "an expired Lot goes back to its owner whole",
    file: "exchange/core/clearing/expiry.ts",
    find: "slots === 0 ? escrow : divideFloor(escrow * BigInt(healthySlots), BigInt(slots));",
    replace: "slots === 0 ? escrow : 0n;",
  },
  {
    name: "absence costs a supplier nothing",
    file: "exchange/core/sla/health.ts",
    find: "return idleMs <= policyOf(state).slotAwayMsMax;",
    replace: "return idleMs <= 1_000 * policyOf(state).slotAwayMsMax;",
  },
  {
    name: "deposit references are forgotten too soon",
    file: "exchange/core/timers.ts",
    find: "outlived(turn, state.references, keptMs)",
    replace: "outlived(turn, state.references, keptMs / 60)",
  },
  {
    name: "a client order id is counted twice",
    file: "exchange/core/apply/account-events.ts",
    find: "(state.clientIdCounts.get(account) ?? 0) + 1",
    replace: "(state.clientIdCounts.get(account) ?? 1) + 1",
  },
  {
    name: "a delivery's end is not queued",
    file: "exchange/core/apply/clearing-events.ts",
    find: 'state.due.push({ dueMs: event.timeoutAtMs, kind: "delivery-timeout", id: event.delivery });',
    replace: "",
  },
  {
    name: "nobody is charged for cover",
    file: "exchange/core/clearing/settlement.ts",
    find: "emitCharges(turn, delivery, { usedTokens, costMicros, coverMicros });",
    replace: "",
  },
  {
    name: "cover that was not used is paid for",
    file: "exchange/core/clearing/cover.ts",
    find: "to: COVER, amount: lot.valueMicros - costMicros",
    replace: "to: ledger.names.pendingPay(lot.supplier), amount: lot.valueMicros - costMicros",
  },
];
