/** How a snapshot is stored and found again: in parts, its header last, the hash over all of it. */
import { ask, type ErrandWork, PIECE_BYTES, type SnapshotHeader } from "./errands.ts";
import { snapshotHash } from "./hash-chain.ts";
import type { Snapshot } from "./journal.ts";

/** Stores a snapshot of a durable state; what is left of others that nobody needs goes first and last. */
export function* storeSnapshot(snapshot: Snapshot, schemaVersion: number): ErrandWork<void> {
  const { seq, bytes } = snapshot;
  yield* prune();
  const parts = Math.ceil(bytes.length / PIECE_BYTES);
  for (let part = 0; part < parts; part += 1) {
    // A copy: a view would take all of the snapshot along to another thread.
    const piece = bytes.slice(part * PIECE_BYTES, (part + 1) * PIECE_BYTES);
    yield* ask({ type: "save-snapshot-part", seq, part, bytes: piece });
  }
  const hash = snapshotHash({ seq, schemaVersion }, [bytes]);
  const header = { seq, schemaVersion, parts, hash };
  yield* ask({ type: "save-snapshot-header", header });
  yield* prune();
}

/**
 * The newest snapshot of an event before `beforeSeq` that can be read; what is wrong with newer ones
 * goes to `unreadable`, as sentences.
 */
export function* loadNewestSnapshot(
  schemaVersion: number,
  unreadable: string[],
  beforeSeq = Number.POSITIVE_INFINITY,
): ErrandWork<Snapshot | null> {
  for (const header of yield* ask({ type: "list-snapshots" })) {
    if (header.seq >= beforeSeq) continue;
    const snapshot = yield* loadSnapshot(header, { schemaVersion, unreadable });
    if (snapshot !== null) return snapshot;
  }
  return null;
}

function* loadSnapshot(
  header: SnapshotHeader,
  { schemaVersion, unreadable }: { schemaVersion: number; unreadable: string[] },
): ErrandWork<Snapshot | null> {
  const { seq } = header;
  const bytes = yield* loadSnapshotBytes(header);
  if (bytes !== null && header.schemaVersion === schemaVersion) return { seq, bytes };
  const why =
    bytes !== null
      ? `has schema ${header.schemaVersion}, expected ${schemaVersion}`
      : (yield* isListed(seq))
        ? "is damaged"
        : "was replaced meanwhile";
  unreadable.push(`snapshot of event ${seq} ${why}; passed over`);
  return null;
}

function* isListed(seq: number): ErrandWork<boolean> {
  return (yield* ask({ type: "list-snapshots" })).some((header) => header.seq === seq);
}

/** The bytes of one snapshot; null when its parts are not those that the header speaks of. */
export function* loadSnapshotBytes(header: SnapshotHeader): ErrandWork<Uint8Array | null> {
  const { seq } = header;
  const parts: Uint8Array[] = [];
  for (let part = 0; part < header.parts; part += 1) {
    parts.push(yield* ask({ type: "read-snapshot-part", seq, part }));
  }
  const isWhole = Buffer.compare(snapshotHash(header, parts), header.hash) === 0;
  return isWhole ? Buffer.concat(parts) : null;
}

function* prune(): ErrandWork<void> {
  while ((yield* ask({ type: "prune-snapshots" })).more) {}
}
