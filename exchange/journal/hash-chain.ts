/**
 * The chain that ties each stored batch to the one before it, and the proof that a journal's newest
 * part is whole. Each row carries the hash it follows, so that the proof can walk backwards from the
 * end and a start does not take longer with every year of history.
 */
import { createHash } from "node:crypto";
import type { ChainedBatch } from "./journal.ts";

/** What the first batch of a journal follows. */
export const FIRST_HASH: Uint8Array = new Uint8Array(32);

/** SHA-256 over the parts, one after another. */
export function sha256(...parts: (Uint8Array | string)[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Hash of a batch: of the one before it, its epoch, its first and last event, and its bytes. */
export function chainHash(batch: Omit<ChainedBatch, "hash">): Uint8Array {
  const head = `|${batch.epoch}|${batch.firstSeq}|${batch.lastSeq}|`;
  return sha256(batch.prevHash, head, batch.events);
}

/** Hash of a snapshot: of its event, the version of its encoding, and its bytes. */
export function snapshotHash(
  { seq, schemaVersion }: { seq: number; schemaVersion: number },
  parts: Iterable<Uint8Array>,
): Uint8Array {
  return sha256(`${seq}|${schemaVersion}|`, ...parts);
}

const named = ({ firstSeq, lastSeq }: ChainedBatch) =>
  `the batch of events ${firstSeq} to ${lastSeq}`;
const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** What is wrong with a batch itself, as words, or null. */
function batchProblem(batch: ChainedBatch): string | null {
  if (batch.lastSeq < batch.firstSeq) return `${named(batch)} ends before it starts`;
  return equal(batch.hash, chainHash(batch)) ? null : `${named(batch)} was altered`;
}

/** What is wrong between a batch and the next, as words, or null. */
function orderProblem(batch: ChainedBatch, next: ChainedBatch): string | null {
  if (next.firstSeq > batch.lastSeq + 1) {
    return `event ${batch.lastSeq + 1} is missing, the next batch starts at ${next.firstSeq}`;
  }
  if (next.firstSeq <= batch.lastSeq) return `event ${next.firstSeq} is there twice`;
  if (!equal(next.prevHash, batch.hash) || next.epoch < batch.epoch) {
    return `${named(batch)} is not the one that event ${next.firstSeq} was written after`;
  }
  return null;
}

/** What is wrong with the first batch of a journal, as words, or null. */
function originProblem({ firstSeq, prevHash }: ChainedBatch): string | null {
  if (firstSeq !== 1) return `event 1 is missing, the next batch starts at ${firstSeq}`;
  return equal(prevHash, FIRST_HASH) ? null : "its first batch follows one of another journal";
}

/** What is wrong with `next`, read forwards after `batch` (null: at the start), as words, or null. */
export function linkProblem(batch: ChainedBatch | null, next: ChainedBatch): string | null {
  const between = batch === null ? originProblem(next) : orderProblem(batch, next);
  return between ?? batchProblem(next);
}

/**
 * What is wrong with the first batch that is read for what follows event `afterSeq`, as words, or null;
 * those before it are not at hand.
 */
export function entryProblem(afterSeq: number, first: ChainedBatch): string | null {
  if (afterSeq === 0) return linkProblem(null, first);
  if (first.firstSeq > afterSeq + 1) {
    return `event ${afterSeq + 1} is missing, the next batch starts at ${first.firstSeq}`;
  }
  return batchProblem(first);
}

/**
 * What is wrong with the newest part of a chain, as words, or null. `newestFirst` yields the batches
 * backwards; at least `proveBytes` of events and everything after `fromSeq` are proved.
 */
export function chainProblem(
  newestFirst: Iterable<ChainedBatch>,
  { fromSeq, proveBytes }: { fromSeq: number; proveBytes: number },
): string | null {
  let next: ChainedBatch | null = null;
  let provedBytes = 0;
  for (const batch of newestFirst) {
    const problem = batchProblem(batch) ?? (next === null ? null : orderProblem(batch, next));
    if (problem !== null) return problem;
    provedBytes += batch.events.length;
    if (provedBytes >= proveBytes && batch.firstSeq <= fromSeq + 1) return null;
    next = batch;
  }
  return next === null ? null : originProblem(next);
}
