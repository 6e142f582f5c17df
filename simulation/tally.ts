/**
 * What a run must have met: faults that were put in and states that were seen, each counted where it
 * took effect. A kind that never happened proves nothing, so a run without it has failed.
 */
export const FAULT_KINDS = [
  // The process.
  "killed between two steps",
  "killed in a disk operation",
  "killed while starting",
  "killed in a snapshot",
  "stopped in order",
  "second exchange on the directory",
  // Power and disk.
  "power cut: unsynced writes dropped",
  "power cut: unsynced writes kept",
  "power cut: a write torn",
  "power cut: writes reordered",
  "power cut: a bit flipped in a torn write",
  "input/output error on a write",
  "input/output error on a sync",
  "input/output error on a read",
  "disk full",
  "slow disk",
  "bit flipped in journal.db",
  "bit flipped in the write-ahead log",
  "journal.db cut short",
  "write-ahead log lost",
  "a stored batch altered",
  "snapshot damaged",
  "history.db lost",
  "history.db damaged",
  // Time.
  "clock set back",
  "clock set forward",
  // Network and clients.
  "answer lost",
  "request sent twice",
  "request delayed",
  "exchange unreachable",
  "client id reused for another order",
  "deposit reference reused",
  "buyer gone in the middle",
  // Suppliers.
  "link lost and back within grace",
  "link lost beyond grace",
  "session taken over",
  "end of an old session told late",
  "capacity fell",
  "attempt failed before its first byte",
  "attempt failed after it",
  "delivery never ended",
  "delivery settled twice",
  "attempt that is over settled",
  "more metered than reserved",
  // The operator.
  "policy changed",
  "instrument changed",
  "key revoked",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export const STATES = [
  "order filled in part",
  "cancel came after the fill",
  "self-trade prevented",
  "fill-or-kill killed",
  "market order stopped by its protection",
  "post-only refused",
  "asks suspended",
  "asks resumed",
  "asks cancelled after grace",
  "Units burned",
  "bond exhausted",
  "balance exhausted",
  "capacity exhausted",
  "Lot consumed",
  "Lot expired",
  "Lot outlived its expiry under a delivery",
  "delivery over several Lots",
  "delivery moved to another supplier",
  "no supplier left",
  "purchase in Auto Mode",
  "cover bought",
  "cover undone",
  "cover served",
  "charged for cover",
  "charged a price difference",
  "charged for abandonment",
  "Lot closed out",
  "request fails on every supplier",
  "window closed",
  "window charged",
  "pay kept back and released",
  "breaker opened",
  "supplier suspended",
  "reservation ran out",
  "deliveries excused by a restart",
  "outage tolled",
  "overload refused",
  "read waited for the disk",
  "client id forgotten",
  "deposit reference forgotten",
  "join token forgotten",
  "revoked key refused",
  "same answer given again",
  "snapshot taken",
  "recovered from a snapshot",
  "recovered without a snapshot",
  "newest snapshot passed over",
  "read model built anew",
  "start refused on damage",
  "unacknowledged events lost",
  "unacknowledged events kept",
] as const;
export type SeenState = (typeof STATES)[number];

/** What the exchange is about when it turns to the disk. */
export const DISK_PHASES = [
  "first start",
  "recovery",
  "journal",
  "snapshot",
  "read model",
] as const;
export type DiskPhase = (typeof DISK_PHASES)[number];

type Counts<Kind extends string> = Record<Kind, number>;
const zeros = <Kind extends string>(kinds: readonly Kind[]) =>
  Object.fromEntries(kinds.map((kind) => [kind, 0])) as Counts<Kind>;

export class Tally {
  readonly faults = zeros(FAULT_KINDS);
  readonly states = zeros(STATES);
  /** Operations of the disk, by what they were for. */
  readonly operations = zeros(DISK_PHASES);
  commands = 0;
  events = 0;
  lives = 0;
  diskOperations = 0;
  acknowledged = 0;
  /** Answers that were computed once more from what was recovered. */
  readsReplayed = 0;

  hit(kind: FaultKind): void {
    this.faults[kind] += 1;
  }

  saw(state: SeenState): void {
    this.states[state] += 1;
  }

  add(other: Tally): void {
    for (const kind of FAULT_KINDS) this.faults[kind] += other.faults[kind];
    for (const state of STATES) this.states[state] += other.states[state];
    for (const phase of DISK_PHASES) this.operations[phase] += other.operations[phase];
    for (const count of [
      "commands",
      "events",
      "lives",
      "diskOperations",
      "acknowledged",
      "readsReplayed",
    ] as const) {
      this[count] += other[count];
    }
  }

  /** Kinds and states that happened fewer times than that. */
  rarerThan(times: number): string[] {
    const all = [...Object.entries(this.faults), ...Object.entries(this.states)];
    return all.filter(([, count]) => count < times).map(([name]) => name);
  }
}
