/**
 * What an honest agent's link would not have sent: counted per node, logged, and told to whoever
 * judges suppliers. None of it reaches another session.
 */
import type { Logger } from "pino";

export type IntegrityKind =
  /** A record for a stream that this session never opened. */
  | "foreign-stream"
  /** A record behind the agent's own end of the stream. */
  | "frame-after-end"
  /** A stream's sequence left something out. */
  | "gap"
  /** A stream's record came again. */
  | "repeat"
  /** More records or bytes per second than a link may carry. */
  | "flood"
  /** The end says another number of output bytes than came. */
  | "wrong-byte-count"
  /** The end signs for other output than came. */
  | "wrong-digest"
  | "output-without-accept"
  | "credit-overdrawn"
  /** A record type that has no place where it came. */
  | "wrong-type"
  /** Bytes that are no records, or a payload that does not match its schema. */
  | "malformed"
  /** An acknowledgement or a resume of records that were never sent. */
  | "wrong-count";

export interface IntegrityEvent {
  account: number;
  node: number;
  kind: IntegrityKind;
  detail: string;
}

export type OnIntegrity = (event: IntegrityEvent) => void;

/** Counts of one node by kind. */
export type IntegrityCounts = Readonly<Partial<Record<IntegrityKind, number>>>;

export class IntegrityLedger {
  readonly #counts = new Map<number, Partial<Record<IntegrityKind, number>>>();
  readonly #log: Logger;
  readonly #tell: OnIntegrity;

  constructor({ log, onIntegrity }: { log: Logger; onIntegrity: OnIntegrity }) {
    this.#log = log;
    this.#tell = onIntegrity;
  }

  record(event: IntegrityEvent): void {
    const { node, kind } = event;
    const counts = this.#counts.get(node) ?? {};
    this.#counts.set(node, counts);
    const count = (counts[kind] ?? 0) + 1;
    counts[kind] = count;
    // The powers of two: a hostile node must not fill the log.
    if ((count & (count - 1)) === 0) this.#log.warn({ ...event, count }, "link integrity");
    this.#tell(event);
  }

  countsOf(node: number): IntegrityCounts {
    return this.#counts.get(node) ?? {};
  }
}
