/**
 * The deliveries of one session: their numbers, the turn-taking of their requests, what comes for
 * them, and what becomes of them when both sides compare what they have.
 */
import type { Clock } from "#exchange/clock.ts";
import { type Reconciled, RUNNING_ATTEMPTS_MAX, type Running } from "#protocol/link-messages.ts";
import { encodeRecord, type LinkRecord } from "#protocol/link-records.ts";
import { UNACKNOWLEDGED_BYTES_HIGH } from "#protocol/link-window.ts";
import { LinkViolation } from "./channel.ts";
import type { Attempt, AttemptHandlers, AttemptRequest } from "./dispatcher.ts";
import type { IntegrityKind } from "./integrity.ts";
import { type EndedBy, LinkStream } from "./stream.ts";

/** The first part of a request still goes with so much unacknowledged: most requests have no other. */
const FIRST_PART_BYTES_HIGH = 2 * UNACKNOWLEDGED_BYTES_HIGH;
/** Streams that are over and still remembered, to tell what is late from what is wrong. */
const ENDED_STREAMS_MAX = 1_024;
/** Records that are dropped as wrong before the session ends. */
const DROPPED_RECORDS_MAX = 64;
/** Attempts that one agent may list as running, over all its messages. */
const LISTED_ATTEMPTS_MAX = 16 * RUNNING_ATTEMPTS_MAX;

/** What the streams need of their session. */
export interface StreamsHome {
  readonly acceptTimeoutMs: number;
  send(record: Buffer, onWritten?: () => void): void;
  unacknowledgedBytes(): number;
  /** Records sent since the session began. */
  sentRecords(): number;
  roundTripMs(): number | null;
  onViolation(kind: IntegrityKind, detail: string): void;
}

interface Opened {
  stream: LinkStream;
  /** Records of the session before its head. */
  place: number;
}

export class SessionStreams {
  readonly #clock: Clock;
  readonly #home: StreamsHome;
  readonly #open = new Map<number, Opened>();
  readonly #ended = new Map<number, EndedBy>();
  /** Streams whose request is not sent as a whole, one part of each in turn. */
  #unsent: LinkStream[] = [];
  #last = 0;
  #dropped = 0;
  #listed = new Set<string>();

  constructor(clock: Clock, home: StreamsHome) {
    this.#clock = clock;
    this.#home = home;
  }

  get open(): number {
    return this.#open.size;
  }

  start(request: AttemptRequest, handlers: AttemptHandlers): Attempt {
    this.#last += 1;
    const number = this.#last;
    const place = this.#home.sentRecords();
    const { acceptTimeoutMs, roundTripMs, onViolation } = this.#home;
    let sequence = 0;
    const stream = new LinkStream(request, handlers, {
      clock: this.#clock,
      home: {
        acceptTimeoutMs,
        get roundTripMs() {
          return roundTripMs();
        },
        send: (type, payload, { flags = 0, onWritten } = {}) => {
          this.#home.send(encodeRecord(type, number, sequence, payload, { flags }), onWritten);
          sequence += 1;
        },
        onViolation: (kind, detail) => {
          onViolation(kind, detail);
          if (kind === "repeat") this.#drop();
        },
        onOver: (by) => this.#over(number, by),
      },
    });
    this.#open.set(number, { stream, place });
    if (this.#hasRoom(FIRST_PART_BYTES_HIGH)) {
      if (stream.sendBody()) this.#unsent.push(stream);
    } else this.#unsent.push(stream);
    this.feed();
    return {
      cancel: () => stream.cancel(),
      grant: (bytes) => stream.grant(bytes),
      clock: () => stream.clock(),
    };
  }

  /** Sends parts of the requests while there is room, so that a large one holds up no other. */
  feed(): void {
    while (this.#unsent.length > 0 && this.#hasRoom(UNACKNOWLEDGED_BYTES_HIGH)) {
      const stream = this.#unsent.shift() as LinkStream;
      if (stream.sendBody()) this.#unsent.push(stream);
    }
  }

  #hasRoom(bytesHigh: number): boolean {
    return this.#home.unacknowledgedBytes() < bytesHigh;
  }

  /** Everything that was sent so far is with the system. */
  flushed(): void {
    for (const { stream } of this.#open.values()) stream.flushed();
  }

  receive(record: LinkRecord, nowMs: number): void {
    const number = record.stream;
    const opened = this.#open.get(number);
    if (opened !== undefined) {
      opened.stream.receive(record, nowMs);
    } else if (number > this.#last) {
      this.#home.onViolation("foreign-stream", `stream ${number}, ${this.#last} were opened`);
      this.#drop();
    } else if (this.#ended.get(number) === "agent") {
      this.#home.onViolation("frame-after-end", `record type ${record.type} on stream ${number}`);
      this.#drop();
    }
    // Else it was under way when the stream ended here, and counts for nothing.
  }

  #drop(): void {
    this.#dropped += 1;
    if (this.#dropped <= DROPPED_RECORDS_MAX) return;
    throw new LinkViolation("wrong-type", `more than ${DROPPED_RECORDS_MAX} records were dropped`);
  }

  /**
   * Compares what the agent runs with what is open here: what it does not know any more is lost, what
   * is not open here it should cancel.
   */
  reconcile({ attempts, received, more }: Running): Omit<Reconciled, "type"> {
    const open = new Set([...this.#open.values()].map(({ stream }) => stream.attemptId));
    for (const attemptId of attempts) this.#listed.add(attemptId);
    if (this.#listed.size > LISTED_ATTEMPTS_MAX) {
      throw new LinkViolation("malformed", `more than ${LISTED_ATTEMPTS_MAX} attempts are listed`);
    }
    if (!more) {
      const listed = this.#listed;
      this.#listed = new Set();
      const reached = [...this.#open.values()].filter(({ place }) => place < received);
      for (const { stream } of reached) {
        if (listed.has(stream.attemptId)) continue;
        stream.lose("the agent does not know the attempt any more");
      }
    }
    return {
      keep: attempts.filter((attemptId) => open.has(attemptId)),
      cancel: attempts.filter((attemptId) => !open.has(attemptId)),
    };
  }

  /** Ends the streams that `which` picks as lost. */
  loseAll(which: (stream: LinkStream) => boolean, message: string): void {
    for (const { stream } of [...this.#open.values()]) if (which(stream)) stream.lose(message);
  }

  #over(number: number, by: EndedBy): void {
    this.#open.delete(number);
    this.#ended.set(number, by);
    if (this.#ended.size <= ENDED_STREAMS_MAX) return;
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest);
      break;
    }
  }
}
