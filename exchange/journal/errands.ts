/**
 * Small things done between two appends, each shorter than a sync, so that nobody who waits for an
 * append notices them. Long work is a row of them: it is written as a generator that yields errands
 * and gets their results back, and so runs in a thread, in a simulation or at start alike.
 */
import type { ChainedBatch } from "./journal.ts";

/** Most that one errand reads or writes, unless a single batch is larger. */
export const PIECE_BYTES = 256 * 1024;
/** Parts of an old snapshot that one errand removes. */
export const PARTS_PRUNED_MAX = 4;

/** A snapshot that is stored in parts, all of them there. */
export interface SnapshotHeader {
  seq: number;
  /** Of the state's encoding. */
  schemaVersion: number;
  parts: number;
  /** `snapshotHash` of all parts, one after another. */
  hash: Uint8Array;
}

export interface ErrandMap {
  /** Of snapshots that are complete, newest first. */
  "list-snapshots": { params: object; result: readonly SnapshotHeader[] };
  /** Empty when there is no such part. */
  "read-snapshot-part": { params: { seq: number; part: number }; result: Uint8Array };
  /** Batches that end after `afterSeq`, oldest first, until they have `PIECE_BYTES`; none at the end. */
  "read-batches": { params: { afterSeq: number }; result: readonly ChainedBatch[] };
  /** Of a durable state; `part` counts from 0. It is not seen before its header is there. */
  "save-snapshot-part": { params: { seq: number; part: number; bytes: Uint8Array }; result: null };
  /** Its parts are all there: from now on it counts. */
  "save-snapshot-header": { params: { header: SnapshotHeader }; result: null };
  /** Removes some of what is older than the newest two, and of what never got its header. */
  "prune-snapshots": { params: object; result: { more: boolean } };
}
export type ErrandType = keyof ErrandMap;
export type Errand<T extends ErrandType = ErrandType> = {
  [K in T]: { type: K } & ErrandMap[K]["params"];
}[T];
export type ErrandResult<T extends ErrandType> = ErrandMap[T]["result"];

const READS: ReadonlySet<ErrandType> = new Set<ErrandType>([
  "list-snapshots",
  "read-snapshot-part",
  "read-batches",
]);

/** Whether it changes nothing, so that its failure says nothing of what was written. */
export const isRead = ({ type }: { type: ErrandType }): boolean => READS.has(type);

/** Work made of errands; `R` is what comes out of it. */
export type ErrandWork<R> = Generator<Errand, R, unknown>;
/** Who runs errands: the journal between its appends, or a closed file at once. */
export type RunErrand = <T extends ErrandType>(errand: Errand<T>) => Promise<ErrandResult<T>>;
export type RunErrandNow = <T extends ErrandType>(errand: Errand<T>) => ErrandResult<T>;

/** One errand inside of work: `const batches = yield* ask({ type: "read-batches", afterSeq })`. */
export function* ask<T extends ErrandType>(errand: Errand<T>): ErrandWork<ErrandResult<T>> {
  return (yield errand as Errand) as ErrandResult<T>;
}

/** Does the whole work at once. An errand that fails is the work's to clean up after. */
export function finishNow<R>(work: ErrandWork<R>, run: RunErrandNow): R {
  let step = work.next();
  while (step.done !== true) {
    let result: unknown;
    try {
      result = run(step.value);
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(result);
  }
  return step.value;
}

/** Does the work errand by errand, as `finishNow` does; null when `isOver` said so before the end. */
export async function finish<R>(
  work: ErrandWork<R>,
  run: RunErrand,
  isOver: () => boolean = () => false,
): Promise<R | null> {
  let step = work.next();
  while (step.done !== true) {
    if (isOver()) return null;
    let result: unknown;
    try {
      result = await run(step.value);
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(result);
  }
  return step.value;
}
