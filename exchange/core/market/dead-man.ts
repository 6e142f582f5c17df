/**
 * The dead man's switch: unless its owner renews it in time, all open orders of the account are
 * cancelled. For clients that may lose their connection, or their mind.
 */
import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";
import { cancelWhere } from "./cancelling.ts";

export const CANCEL_AFTER_MS_MIN = 5_000;
export const CANCEL_AFTER_MS_MAX = 300_000;

/** Sets it to go off after that long, from now on; 0 takes it back. */
export function cancelAfter(
  turn: Turn,
  { account, afterMs }: Command<"cancel-after">,
): Decision<CommandResult<"cancel-after">> {
  const { state, nowMs } = turn;
  if (!state.accounts.has(account)) {
    return reject("account-not-found", `account ${account} does not exist`);
  }
  const isFine =
    Number.isInteger(afterMs) && afterMs >= CANCEL_AFTER_MS_MIN && afterMs <= CANCEL_AFTER_MS_MAX;
  if (afterMs !== 0 && !isFine) {
    return reject(
      "invalid-order",
      `cancel after ${afterMs} ms, expected ${CANCEL_AFTER_MS_MIN} to ${CANCEL_AFTER_MS_MAX}, or 0 to take it back`,
    );
  }
  const cancelsAtMs = afterMs === 0 ? null : nowMs + afterMs;
  if (cancelsAtMs !== (state.cancelsAfter.get(account) ?? null)) {
    emitCancelAfter(turn, account, cancelsAtMs);
  }
  return accept({ cancelsAtMs });
}

/** It was not renewed: goes off, once. */
export function goOff(turn: Turn, account: number, dueMs: number): void {
  const cancelsAtMs = turn.state.cancelsAfter.get(account);
  // Renewed since: that has an item of its own.
  if (cancelsAtMs === undefined || cancelsAtMs > dueMs) return;
  emitCancelAfter(turn, account, null);
  cancelWhere(turn, account, "cancel_after", () => true);
}

function emitCancelAfter(turn: Turn, account: number, cancelsAtMs: number | null): void {
  turn.emit({
    type: "cancel-after-set",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account,
    cancelsAtMs,
  });
}
