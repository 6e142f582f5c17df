/** The first command of a process: links are gone, deliveries in flight are excused, the outage tolls. */
import { emitRelease } from "./clearing/settlement.ts";
import type { Command, CommandResult } from "./commands.ts";
import { markAway, suspendAsks } from "./supply/nodes.ts";
import { accept, type Decision, type Turn } from "./turn.ts";

export function resume(turn: Turn, command: Command<"resume">): Decision<CommandResult<"resume">> {
  const { state } = turn;
  const linked = new Map<number, Set<string>>();
  for (const node of state.nodes.values()) {
    if (node.session === null) continue;
    const symbols = linked.get(node.account) ?? new Set<string>();
    linked.set(node.account, symbols);
    for (const supply of node.supplies) symbols.add(supply.symbol);
  }
  const lastSeenMs = Math.min(command.lastSeenMs, turn.nowMs);
  turn.emit({
    type: "exchange-resumed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    lastSeenMs,
    outageMs: turn.nowMs - lastSeenMs,
  });
  const interrupted = [...state.deliveries.values()];
  for (const delivery of interrupted) {
    emitRelease(turn, delivery, {
      verdict: "excused",
      cause: "exchange-restarted",
      completionTokens: 0,
    });
  }
  for (const [account, symbols] of linked) {
    markAway(turn, account);
    for (const symbol of symbols) suspendAsks(turn, account, symbol);
  }
  return accept({ releasedDeliveries: interrupted.length });
}
