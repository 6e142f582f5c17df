/** Breaches of integrity: what a supplier did that no bad luck explains. */
import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import { suspend } from "#exchange/core/sla/consequences.ts";
import { REFUSALS_IMPLAUSIBLE } from "#exchange/core/sla/verdict.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";

/** How many of a kind suspend a supplier, each such number again. Other kinds are counted alone. */
const GRAVE_FROM: Readonly<Record<string, number>> = {
  /** Records on a stream that is not the node's. */
  "foreign-stream": 1,
  /** Another model than the instrument's was recognized. */
  "wrong-model": 1,
  /** A receipt's signature does not fit what it signs. */
  "false-receipt": 1,
  /** The node's count of bytes is not that of what came. */
  "wrong-byte-count": 3,
  /** It reports many more tokens than came. */
  "token-inflation": 3,
  /** It puts many more failures on its buyers than others do. */
  [REFUSALS_IMPLAUSIBLE]: 3,
  /** It sent more than it had credit for. */
  "credit-overdrawn": 5,
};

const DETAIL_CHARACTERS_MAX = 400;

/** Writes a breach down; enough of a grave kind suspend every instrument of the supplier. */
export function recordIntegrity(
  turn: Turn,
  command: Command<"record-integrity">,
): Decision<CommandResult<"record-integrity">> {
  const { account, node, kind, detail } = command;
  const { state } = turn;
  if (!state.accounts.has(account)) {
    return reject("account-not-found", `account ${account} does not exist`);
  }
  if (node !== null && state.nodes.get(node)?.account !== account) {
    return reject("node-not-found", `node ${node} is not one of account ${account}`);
  }
  return accept(breach(turn, { account, node, kind, detail }));
}

/** The same, of an account and node that are there. */
export function breach(
  turn: Turn,
  { account, node, kind, detail }: Omit<Command<"record-integrity">, "type">,
): CommandResult<"record-integrity"> {
  const { state } = turn;
  turn.emit({
    type: "integrity-recorded",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    node,
    kind,
    detail: detail.slice(0, DETAIL_CHARACTERS_MAX),
  });
  const recorded = state.suppliers.get(account)?.integrity.get(kind) ?? 0;
  const grave = Object.hasOwn(GRAVE_FROM, kind) ? GRAVE_FROM[kind] : undefined;
  let suspendedInstruments = 0;
  if (grave !== undefined && recorded % grave === 0) {
    for (const symbol of symbolsOf(state, account)) {
      const why = `integrity: ${kind}, recorded ${recorded} times`;
      if (suspend(turn, account, symbol, why)) suspendedInstruments += 1;
    }
  }
  return { recorded, suspendedInstruments };
}

/** Every instrument that the supplier sold, issued or serves, by name. */
function symbolsOf(state: CoreState, account: number): string[] {
  const symbols = new Set(state.suppliers.get(account)?.instruments.keys());
  for (const supply of state.supplies.values()) {
    if (supply.account === account) symbols.add(supply.symbol);
  }
  for (const node of state.nodes.values()) {
    if (node.account !== account) continue;
    for (const { symbol } of node.supplies) symbols.add(symbol);
  }
  return [...symbols].sort();
}
