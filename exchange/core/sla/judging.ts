/** Judging a delivery when it ends: every attempt gets a verdict, and scores follow from it. */
import type { Command } from "#exchange/core/commands.ts";
import type { Delivery } from "#exchange/core/state.ts";
import type { Turn } from "#exchange/core/turn.ts";

/** A delivery that worked: its last attempt is good or slow, earlier ones failed. */
export function judgeSettled(
  _turn: Turn,
  _delivery: Delivery,
  _settled: Command<"settle-delivery">,
  _paid: { usedTokens: number; costMicros: bigint },
): void {}

/** A delivery that nobody pays for. `excused` excuses every attempt. */
export function judgeReleased(
  _turn: Turn,
  _delivery: Delivery,
  _released: Pick<Command<"release-delivery">, "verdict" | "cause" | "completionTokens">,
): void {}
