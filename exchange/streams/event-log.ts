/**
 * Events of which each one counts: trades of a market, orders and Lots of an account. The last ones are
 * kept to be sent again; a reader too slow for one is given up by its connection.
 */
import type { Connection, Subscription } from "./connection.ts";
import { EVENTS_KEPT_MAX } from "./limits.ts";

export interface LoggedEvent {
  /** Which stream it belongs to, and the market it is about. */
  stream: string;
  symbol: string;
  /** Grows from event to event. */
  sequence: number;
  /** Makes the frame, once it is wanted. */
  frame: () => Buffer;
}

export interface EventWish {
  stream: string;
  /** Of one market only, or null. */
  symbol: string | null;
}

/** What a log needs of a connection. */
export type EventSink = Pick<Connection, "send">;

interface Reader extends EventWish {
  connection: EventSink;
}

export class EventLog {
  readonly #kept: LoggedEvent[] = [];
  readonly #readers = new Set<Reader>();
  /** All that came after this event is kept. */
  #keptSince: number;
  #sequence: number;

  /** `sequence`: all events up to it are the past, which is not kept. */
  constructor(sequence: number) {
    this.#keptSince = sequence;
    this.#sequence = sequence;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Of the last event, or of the beginning. */
  get sequence(): number {
    return this.#sequence;
  }

  append(event: LoggedEvent): void {
    const kept = { ...event, frame: once(event.frame) };
    this.#kept.push(kept);
    this.#sequence = event.sequence;
    if (this.#kept.length > EVENTS_KEPT_MAX) {
      this.#keptSince = (this.#kept.shift() as LoggedEvent).sequence;
    }
    for (const reader of this.#readers) {
      if (isWanted(reader, kept)) reader.connection.send(kept.frame());
    }
  }

  /** Whether all that came after that event can be sent again. */
  canResume(sequence: number): boolean {
    return sequence >= this.#keptSince && sequence <= this.#sequence;
  }

  /** Sends again what came after `since` (null: nothing), then whatever comes. */
  subscribe(connection: EventSink, wish: EventWish, since: number | null): Subscription {
    const reader: Reader = { connection, ...wish };
    this.#readers.add(reader);
    if (since !== null) {
      for (const event of this.#kept) {
        if (event.sequence > since && isWanted(reader, event)) connection.send(event.frame());
      }
    }
    return { catchUp: () => {}, end: () => void this.#readers.delete(reader) };
  }
}

function isWanted({ stream, symbol }: EventWish, event: LoggedEvent): boolean {
  return event.stream === stream && (symbol === null || event.symbol === symbol);
}

function once(make: () => Buffer): () => Buffer {
  let made: Buffer | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
