/**
 * What the clients were told, each line a promise of the exchange that no crash may break. Nothing
 * here comes from the exchange's own files.
 */

/** What an answer promised. */
export type Told =
  | { kind: "order"; account: number; clientOrderId: string; order: number }
  | { kind: "order refused"; account: number; clientOrderId: string }
  | { kind: "cancel"; order: number }
  | { kind: "deposit"; reference: string; account: number; micros: bigint }
  | { kind: "account"; account: number }
  | { kind: "key"; key: string }
  /** A buyer saw the first byte of an answer: its reservation must stand. */
  | { kind: "completion begun"; requestId: string }
  | {
      kind: "completion";
      requestId: string;
      promptTokens: number;
      completionTokens: number;
    }
  /** A buyer was told that nothing is billed. */
  | { kind: "completion free"; requestId: string };

export type ToldKind = Told["kind"];
export type Promised = Told & {
  /** The sequence that the answering process had replayed when it began to serve. */
  processSeq: number;
  /** The same request had been sent before, and the connection was cut before its answer. */
  wasRepeated: boolean;
};

/** What the live process showed, to be held against the journal once it is read up to `seq`. */
export type Seen = { seq: number } & (
  | { what: "state"; sha256: string }
  | { what: "balance"; account: number; total: bigint; held: bigint }
  | { what: "open orders"; account: number; orders: number[] }
);

export interface Notebook {
  readonly told: readonly Promised[];
  readonly counts: ReadonlyMap<ToldKind, number>;
  /** The highest commit sequence that any answer named. */
  readonly seqTold: number;
  /** Requests under way. */
  readonly outstanding: number;
  /** Requests whose connection was cut, answers that asked to come back, and plain faults. */
  readonly cut: number;
  readonly busy: number;
  readonly faults: readonly string[];
  write(told: Told, about?: { wasRepeated: boolean }): void;
  fault(sentence: string): void;
  see(seen: Seen): void;
  /** Takes what was seen since the last call, in the order of its sequence. */
  takeSeen(): Seen[];
  noteSeq(seq: number): void;
  noteCut(): void;
  noteBusy(): void;
  /** Counts a request as under way until it settles. */
  during<T>(request: Promise<T>): Promise<T>;
  /** Another process answers from here on. */
  beginProcess(seq: number): void;
}

export function createNotebook(): Notebook {
  const told: Promised[] = [];
  const counts = new Map<ToldKind, number>();
  const faults: string[] = [];
  let seen: Seen[] = [];
  let processSeq = 0;
  const numbers = { seqTold: 0, outstanding: 0, cut: 0, busy: 0 };
  return {
    told,
    counts,
    faults,
    get seqTold() {
      return numbers.seqTold;
    },
    get outstanding() {
      return numbers.outstanding;
    },
    get cut() {
      return numbers.cut;
    },
    get busy() {
      return numbers.busy;
    },
    write(line, { wasRepeated } = { wasRepeated: false }) {
      told.push({ ...line, processSeq, wasRepeated });
      counts.set(line.kind, (counts.get(line.kind) ?? 0) + 1);
    },
    fault(sentence) {
      faults.push(sentence);
    },
    see(line) {
      seen.push(line);
    },
    takeSeen() {
      const taken = seen.sort((a, b) => a.seq - b.seq);
      seen = [];
      return taken;
    },
    noteSeq(seq) {
      numbers.seqTold = Math.max(numbers.seqTold, seq);
    },
    noteCut() {
      numbers.cut += 1;
    },
    noteBusy() {
      numbers.busy += 1;
    },
    async during(request) {
      numbers.outstanding += 1;
      try {
        return await request;
      } finally {
        numbers.outstanding -= 1;
      }
    },
    beginProcess(seq) {
      processSeq = seq;
    },
  };
}
