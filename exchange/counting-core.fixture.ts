/**
 * A fake core for tests of what surrounds one: it counts. `open-account` emits as many events as its
 * name says, `cancel-orders` is refused, `revoke-key` throws half-way, `tick` says there is more.
 */
import { createEmptyState } from "#exchange/core/snapshot.ts";
import type { Command, CommandType } from "./core/commands.ts";
import type { Core, Executed } from "./core/core-port.ts";
import type { CoreEvent } from "./core/events.ts";

export interface CountingCore extends Core {
  /** Times at which it was asked to execute. */
  readonly executedAtMs: number[];
  /** Ticks that still answer that more is due. */
  moreTicks: number;
}

export function createCountingCore(): CountingCore {
  const state = createEmptyState();
  const executedAtMs: number[] = [];

  function emit(nowMs: number): CoreEvent {
    state.seq += 1;
    state.nowMs = nowMs;
    return {
      type: "account-opened",
      version: 2,
      seq: state.seq,
      atMs: nowMs,
      account: state.seq,
      name: "",
      mode: "easy",
      autoTransfer: true,
    };
  }
  function execute(command: Command, nowMs: number): Executed<CommandType> {
    executedAtMs.push(nowMs);
    if (command.type === "revoke-key") {
      emit(nowMs);
      throw new Error("a bug in the core");
    }
    if (command.type === "cancel-orders") {
      const rejection = { code: "account-not-found" as const, message: "no such account" };
      return { ok: false, rejection, events: [] };
    }
    const isTick = command.type === "tick";
    const count = command.type === "open-account" ? Number(command.name) : 1;
    if (isTick) core.moreTicks -= 1;
    const events = Array.from({ length: count }, () => emit(nowMs));
    return {
      ok: true,
      result: isTick ? { more: core.moreTicks >= 0 } : { account: state.seq },
      events,
    };
  }

  const core: CountingCore = {
    state,
    executedAtMs,
    moreTicks: 0,
    execute: (command, nowMs) => execute(command as Command, nowMs) as never,
    apply: (event) => {
      state.seq = event.seq;
    },
    snapshot: () => new TextEncoder().encode(`state at ${state.seq}`),
  };
  return core;
}
