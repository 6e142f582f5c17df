/**
 * Events of which each one counts: trades of a market, orders and Lots of an account. The last ones are
 * kept to be sent again; a reader too slow for one is given up by its connection.
 */
import type { Connection, Subscription } from "./connection.ts";
import { EVENTS_KEPT_MAX, READERS_PER_TURN } from "./limits.ts";

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
  /** Place of the next event to look at, counted from the beginning of the log. */
  next: number;
}

export class EventLog {
  readonly #defer: (run: () => void) => void;
  readonly #kept: LoggedEvent[] = [];
  readonly #readers = new Set<Reader>();
  /** Place of the first event that is kept. */
  #first = 0;
  /** All that came after this event is kept. */
  #keptSince: number;
  #sequence: number;
  /** Readers that are to be told in this pass; null when all were. */
  #untold: Iterator<Reader> | null = null;
  /** Up to where that pass tells at least. */
  #publishedEnd = 0;

  /**
   * `sequence`: all events up to it are the past, which is not kept. `defer` runs something in a later
   * turn of the event loop.
   */
  constructor(sequence: number, defer: (run: () => void) => void) {
    this.#keptSince = sequence;
    this.#sequence = sequence;
    this.#defer = defer;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Place after the last event. */
  get #end(): number {
    return this.#first + this.#kept.length;
  }

  /** Of the last event, or of the beginning. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Keeps an event; `publish` tells it. */
  append(event: LoggedEvent): void {
    if (this.#kept.length === EVENTS_KEPT_MAX) {
      // Somebody may not have been told of the oldest yet, and must be before it is gone.
      this.#tellAll();
      this.#keptSince = (this.#kept.shift() as LoggedEvent).sequence;
      this.#first += 1;
    }
    this.#kept.push({ ...event, frame: once(event.frame) });
    this.#sequence = event.sequence;
  }

  /** Tells the readers what is new: one turn after another, so that others get theirs. */
  publish(): void {
    if (this.#untold !== null || this.#readers.size === 0) return;
    this.#untold = this.#readers.values();
    this.#publishedEnd = this.#end;
    this.#tellSome();
  }

  /** Whether all that came after that event can be sent again. */
  canResume(sequence: number): boolean {
    return sequence >= this.#keptSince && sequence <= this.#sequence;
  }

  /** Sends again what came after `since` (null: nothing), then whatever comes. */
  subscribe(connection: EventSink, wish: EventWish, since: number | null): Subscription {
    const past = since === null ? -1 : this.#kept.findIndex(({ sequence }) => sequence > since);
    const next = past === -1 ? this.#end : this.#first + past;
    const reader: Reader = { connection, ...wish, next };
    this.#readers.add(reader);
    this.#tell(reader);
    return { catchUp: () => {}, end: () => void this.#readers.delete(reader) };
  }

  #tellSome(): void {
    for (let count = 0; count < READERS_PER_TURN; count += 1) {
      const reader = this.#untold?.next();
      if (reader === undefined) return;
      if (reader.done === true) {
        this.#untold = null;
        // What came meanwhile, the first readers do not know yet.
        if (this.#end > this.#publishedEnd) this.publish();
        return;
      }
      this.#tell(reader.value);
    }
    this.#defer(() => this.#tellSome());
  }

  #tellAll(): void {
    this.#untold = null;
    for (const reader of this.#readers) this.#tell(reader);
  }

  #tell(reader: Reader): void {
    while (reader.next < this.#end) {
      const event = this.#kept[reader.next - this.#first] as LoggedEvent;
      reader.next += 1;
      if (isWanted(reader, event)) reader.connection.send(event.frame());
    }
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
