/**
 * The door between the world and the core: runs commands one after another, journals their events
 * in groups, and lets nothing out before it is durable.
 */
import type { Command, CommandResult, CommandType } from "#exchange/core/commands.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import type { Rejection } from "#exchange/core/rejections.ts";
import type { CoreState } from "#exchange/core/state.ts";

/** What became of a command. `seq` is the commit sequence number at which this was computed. */
export type Outcome<T extends CommandType> =
  | { ok: true; result: CommandResult<T>; seq: number }
  | { ok: false; rejection: Rejection | Overload; seq: number };

/** Not now: too much waits for the disk, or something is wrong with the state. Nothing was executed. */
export interface Overload {
  code: "overloaded" | "trading-stopped";
  message: string;
}

/** A command that was executed but may not be told yet. */
export interface Submitted<T extends CommandType> {
  outcome: Outcome<T>;
  /** Resolves when everything the outcome rests on is durable. Nothing may leave before. */
  released: Promise<void>;
}

export interface Shell {
  /** Executes at once; the caller must await `released` before anything leaves the process. */
  submit<T extends CommandType>(command: Command<T>): Submitted<T>;
  /** Executes and resolves when the outcome may be told. */
  execute<T extends CommandType>(command: Command<T>): Promise<Outcome<T>>;
  /** Computes a view now and resolves with it when what it shows is durable. */
  read<T>(view: (state: CoreState) => T): Promise<T>;
  /** The live state, for decisions inside the process. Never answer from it directly. */
  readonly state: CoreState;
  /** From now on no command is executed, for this reason; reads go on. There is no way back. */
  stopTrading(reason: string): void;
  /** Why trading was stopped; null while it was not. */
  readonly stoppedBecause: string | null;
  /** Calls back with durable events, in order. Returns the way to stop. */
  subscribe(listener: (events: readonly CoreEvent[]) => void): () => void;
  close(): Promise<void>;
}
