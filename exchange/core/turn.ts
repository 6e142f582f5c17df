/**
 * One command's turn: deciding code reads the state and emits events; emitting applies at once, so
 * that later decisions of the same command see it.
 */
import type { CoreEvent } from "./events.ts";
import type { MarketPolicy } from "./policy.ts";
import type { Rejection } from "./rejections.ts";
import type { Account, CoreState, InstrumentState } from "./state.ts";

export interface Turn {
  readonly state: CoreState;
  readonly nowMs: number;
  /** The number that the next event must bear. */
  nextSeq(): number;
  /**
   * Applies an event and keeps it. The caller writes the whole of it as one literal, frame first: put
   * together from parts it would take five times as long to make.
   */
  emit(event: CoreEvent): void;
}

/** What deciding code returns. A refusal must come before the first event of the turn. */
export type Decision<R> = { ok: true; result: R } | { ok: false; rejection: Rejection };

export function accept<R>(result: R): { ok: true; result: R } {
  return { ok: true, result };
}

/** The policy in force; a core without one cannot trade. */
export function policyOf(state: CoreState): MarketPolicy {
  if (state.policy === null) throw new Error("no policy was adopted before the first trade");
  return state.policy;
}

export function accountOf(state: CoreState, number: number): Account {
  const account = state.accounts.get(number);
  if (account === undefined) throw new Error(`account ${number} does not exist`);
  return account;
}

export function instrumentOf(state: CoreState, symbol: string): InstrumentState {
  const listed = state.instruments.get(symbol);
  if (listed === undefined) throw new Error(`instrument ${symbol} is not listed`);
  return listed;
}
