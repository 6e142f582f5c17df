/** A fake journal for tests: it writes nothing, and each of its writes ends when the test says so. */
import type { Errand } from "#exchange/journal/errands.ts";
import type { Batch, Journal, Snapshot } from "#exchange/journal/journal.ts";

/** Lets everything run that is ready to run. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Builds one; `recoveredSnapshot` is what it says it held at opening. */
export function heldJournal(recoveredSnapshot: Snapshot | null = null) {
  const appended: Batch[] = [];
  const errands: Errand[] = [];
  const writes: { end: () => void; fail: (error: Error) => void }[] = [];
  let closed = false;
  const write = () =>
    new Promise<void>((resolve, reject) => writes.push({ end: resolve, fail: reject }));
  const journal: Journal = {
    recovered: { snapshot: recoveredSnapshot, batches: [], unreadable: [], passOver() {} },
    lastSeq: 0,
    append(batch) {
      appended.push(batch);
      return write();
    },
    async run(errand) {
      errands.push(errand as Errand);
      await write();
      return (errand.type === "prune-snapshots" ? { more: false } : null) as never;
    },
    async close() {
      closed = true;
    },
  };
  return {
    journal,
    appended,
    errands,
    isClosed: () => closed,
    /** First and last event of each batch so far. */
    ranges: () => appended.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]),
    /** Ends the oldest write that has not ended. */
    async endWrite() {
      writes.shift()?.end();
      await settle();
    },
    async failWrite(error: Error) {
      writes.shift()?.fail(error);
      await settle();
    },
  };
}
