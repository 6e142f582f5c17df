/** What the shell needs of a core: decide, apply, show, save. */
import type { Command, CommandResult, CommandType } from "./commands.ts";
import type { CoreEvent } from "./events.ts";
import type { Rejection } from "./rejections.ts";
import type { CoreState } from "./state.ts";

/** What a command did. A refusal's events are those of time passing, never of the command. */
export type Executed<T extends CommandType> =
  | { ok: true; result: CommandResult<T>; events: CoreEvent[] }
  | { ok: false; rejection: Rejection; events: CoreEvent[] };

export interface Core {
  readonly state: CoreState;
  /** Runs what is due at `nowMs`, then decides the command. Synchronous; throws only on a bug. */
  execute<T extends CommandType>(command: Command<T>, nowMs: number): Executed<T>;
  /** Applies one journaled event; never decides. */
  apply(event: CoreEvent): void;
  /** The whole state, as canonical bytes. */
  snapshot(): Uint8Array;
}
