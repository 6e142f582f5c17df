/** One read model: what it makes of each event, and when it writes what it made. */
import type { CoreEvent, EventOf, EventType } from "#exchange/core/events.ts";

export type Handlers = { readonly [T in EventType]?: (event: EventOf<T>) => void };

export interface Projector {
  readonly handlers: Handlers;
  /** Writes what was touched since the last call; runs in the same transaction. */
  flush(): void;
  /** Drops what was touched and not written. */
  forget(): void;
}

/** Gives an event to the handler of its type, if there is one. */
export function handle(handlers: Handlers, event: CoreEvent): void {
  const handler = handlers[event.type] as ((event: CoreEvent) => void) | undefined;
  handler?.(event);
}
